#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace rocket {

// What POST /v1/batch/prompts asks for: {"prompts", "backend", "params"}.
struct PromptRequest {
  static constexpr std::size_t prompts_max = 1000;

  std::vector<std::string> bodies;  // of chat completions, one for each prompt
  std::string backend;              // empty: none is named
};

// A prompt is a text, or the messages of a conversation; `params` are members of every chat
// completion: `model`, `max_tokens`. Errors: invalid_json; invalid_field, naming the field.
[[nodiscard]] Result<PromptRequest> read_prompt_request(std::string_view body);

}  // namespace rocket
