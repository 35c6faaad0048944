#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/json.h"

namespace rocket {

// What POST /v1/batch/prompts asks for: {"prompts", "backend", "params"}. Views into what was read.
struct PromptRequest {
  static constexpr std::size_t prompts_max = 1000;

  std::vector<JsonValue> prompts;  // texts, or arrays of messages
  std::string_view params;         // the members that all have in common, between the braces
  std::string backend;             // empty: none is named

  // The chat completion that one prompt is. All of them together may be a thousand times what was
  // sent, so each is to be written when it is asked, and not to be kept.
  [[nodiscard]] std::string body(std::size_t index) const;
};

// A prompt is a text, or the messages of a conversation; `params` are members of every chat
// completion: `model`, `max_tokens`. Errors: invalid_json; invalid_field, naming the field.
[[nodiscard]] Result<PromptRequest> read_prompt_request(std::string_view body);

}  // namespace rocket
