#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace rocket {

// What a backend can have of its own beside what its kind speaks anyway, well enough for clients'
// bytes to pass: OpenAI's Responses, Anthropic's Messages, the counting of their tokens.
enum class NativeApi : unsigned char { responses, messages, count_tokens };

inline constexpr std::array all_native_apis{NativeApi::responses, NativeApi::messages,
                                            NativeApi::count_tokens};

// As it stands in the configuration: "count_tokens".
[[nodiscard]] std::string_view to_string(NativeApi api);
[[nodiscard]] std::optional<NativeApi> native_api(std::string_view name);

}  // namespace rocket
