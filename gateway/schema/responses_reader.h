#pragma once

#include <span>

#include "schema/conversation.h"
#include "schema/translation_loss.h"

// OpenAI's Responses, as OpenAI's description has them.
namespace rocket {

// What was said in a conversation before a request, and is kept: what an earlier one asked (its
// `input`) and what its response said (`output`), as JSON that was valid. Of nothing else that it
// asked, its instructions for one, does OpenAI keep anything for the next.
struct EarlierResponse {
  std::string_view input{};
  std::string_view output{};
};

// An item that a request's input refers to by its id instead of sending it again.
struct ReferredItem {
  std::string_view id{};
  std::string_view json{};
};

// What a request refers to that is not in it.
struct ResponsesContext {
  std::span<const EarlierResponse> earlier{};  // what it continues, the first first
  std::span<const ReferredItem> items{};
};

// A request, with what it continues in front of what it says. The conversation has views into the
// context as well. What refers to anything that is not there is refused. Errors: invalid_json with
// line and column; invalid_field naming the field.
[[nodiscard]] Result<Conversation> read_responses_request(std::string_view body,
                                                          TranslationLoss& loss,
                                                          const ResponsesContext& context = {});

// The id, if the item is an {"type": "item_reference"}.
[[nodiscard]] std::optional<std::string> read_item_reference(const JsonValue& item);

// upstream_garbage if the text is no response that is over; upstream_error_event with the
// upstream's words if it says that it has failed.
[[nodiscard]] Result<Answer> read_responses_answer(std::string_view text);

}  // namespace rocket
