#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// A request for /v1/messages. The conversation and what it was read from must outlive the pieces.
// Its bytes depend on nothing but the conversation, from the front: a prompt that grows keeps the
// prefix that the provider's cache knows.
[[nodiscard]] JsonPieces write_anthropic_request(const Conversation& conversation,
                                                 const RequestFrame& frame, TranslationLoss& loss);

// A message.
[[nodiscard]] JsonPieces write_anthropic_answer(const Answer& answer, const AnswerFrame& frame,
                                                TranslationLoss& loss);

}  // namespace rocket
