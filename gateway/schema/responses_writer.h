#pragma once

#include <span>

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// A request for /v1/responses. The conversation and what it was read from must outlive the
// pieces.
[[nodiscard]] JsonPieces write_responses_request(const Conversation& conversation,
                                                 const RequestFrame& frame, TranslationLoss& loss);

// A response.
[[nodiscard]] JsonPieces write_responses_answer(const Answer& answer, const AnswerFrame& frame,
                                                TranslationLoss& loss);

// The members of a response that say again what was asked, with what nobody said filled in; and
// whether it can be asked for again.
[[nodiscard]] std::string write_responses_echo(const Conversation& conversation,
                                               bool stored = false);

// A response that has come so far: the members in front of `output`, and those behind it.
struct ResponseState {
  std::string_view status;      // in_progress, completed, incomplete, failed
  std::string_view incomplete;  // why
  std::string_view error{};     // what went wrong, if it has failed
};
void write_response_head(const ResponseState& state, RawText model, const AnswerFrame& frame,
                         JsonPieces& out);
void write_response_tail(const TokenUsage* usage, const AnswerFrame& frame, JsonPieces& out);

}  // namespace rocket
