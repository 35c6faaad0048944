#pragma once

#include "schema/conversation.h"
#include "schema/translation_loss.h"

// OpenAI's Responses, as OpenAI's description has them.
namespace rocket {

// What refers to something that was said earlier and is kept elsewhere is refused: nothing is
// kept. Errors: invalid_json with line and column; invalid_field naming the field.
[[nodiscard]] Result<Conversation> read_responses_request(std::string_view body,
                                                          TranslationLoss& loss);

// upstream_garbage if the text is no response that is over; upstream_error_event with the
// upstream's words if it says that it has failed.
[[nodiscard]] Result<Answer> read_responses_answer(std::string_view text);

}  // namespace rocket
