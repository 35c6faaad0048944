#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace rocket {

// What speaks at a backend's endpoints. What follows from it is data: schema/quirks. To add one:
// an enumerator and its place in the list here, its name in backend_kind.cc, a row of quirks.
enum class BackendKind : unsigned char { openai, ollama, vllm, lmstudio, anthropic };

// All of them, in the order in which a configuration without `order` tries them.
inline constexpr std::array all_backend_kinds{BackendKind::vllm, BackendKind::ollama,
                                              BackendKind::lmstudio, BackendKind::anthropic,
                                              BackendKind::openai};

// As it stands in the configuration: "lmstudio".
[[nodiscard]] std::string_view to_string(BackendKind kind);

// The other way round; "lm-studio" is lmstudio too.
[[nodiscard]] std::optional<BackendKind> backend_kind(std::string_view name);

}  // namespace rocket
