#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// A request for /api/chat. The conversation and what it was read from must outlive the pieces.
[[nodiscard]] JsonPieces write_ollama_request(const Conversation& conversation,
                                              const RequestFrame& frame, TranslationLoss& loss);

// An answer of /api/chat or, if `dialect` is generate, of /api/generate.
[[nodiscard]] JsonPieces write_ollama_answer(Dialect dialect, const Answer& answer,
                                             const AnswerFrame& frame, TranslationLoss& loss);

// Ollama's times of an answer as members with a comma behind each, in nanoseconds. `first_token`
// of 0: not known. Nothing, if `total` is 0. How long loading took is not told: from outside it can
// not be told apart from the prompt.
void append_durations(Duration total, Duration first_token, std::string& out);

}  // namespace rocket
