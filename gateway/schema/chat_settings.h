#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// Members of a chat request that other dialects say in words of their own: nothing is written of
// what was not asked for.
void write_chat_format(const ResponseFormat& format, const RequestFrame& frame, JsonPieces& out,
                       TranslationLoss& loss);
void write_chat_reasoning(const Reasoning& reasoning, const RequestFrame& frame, JsonPieces& out,
                          TranslationLoss& loss);

}  // namespace rocket
