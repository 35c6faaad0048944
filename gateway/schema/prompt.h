#pragma once

#include <cstdint>
#include <string_view>

namespace rocket {

// What a prompt asks of a model, read only where it matters: where a model is known to have limits.
// `prompt` is the text of valid JSON: a list of messages or items, or a string.

// Characters, an escape counted as one; what JSON itself needs is counted too, which is little.
[[nodiscard]] std::uint64_t count_characters(std::string_view prompt);

}  // namespace rocket
