#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// A request as OpenAI's chat completions have it; usage is always asked for. The conversation and
// what it was read from must outlive the pieces.
[[nodiscard]] JsonPieces write_chat_request(const Conversation& conversation,
                                            const RequestFrame& frame, TranslationLoss& loss);

// A chat completion.
[[nodiscard]] JsonPieces write_chat_answer(const Answer& answer, const AnswerFrame& frame,
                                           TranslationLoss& loss);

}  // namespace rocket
