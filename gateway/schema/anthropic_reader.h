#pragma once

#include "schema/conversation.h"
#include "schema/translation_loss.h"

// Anthropic's Messages, version 2023-06-01, as the official SDKs have them.
namespace rocket {

// A request for /v1/messages, or for count_tokens, which is the same without a limit. Errors:
// invalid_json with line and column; invalid_field naming the field.
[[nodiscard]] Result<Conversation> read_anthropic_request(std::string_view body);

// upstream_garbage if the text is no message.
[[nodiscard]] Result<Answer> read_anthropic_answer(std::string_view text);

}  // namespace rocket
