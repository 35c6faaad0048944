#pragma once

#include <string_view>

namespace rocket {

// What speaks at a backend's endpoints. What follows from it is data: schema/quirks.
enum class BackendKind : unsigned char { openai, ollama, vllm, lmstudio };

// As it stands in the configuration: "lmstudio".
[[nodiscard]] std::string_view to_string(BackendKind kind);

}  // namespace rocket
