#pragma once

#include <cstddef>
#include <string_view>

// The characters of a text as it stands between the quotes of a JSON string, counted as OpenAI
// counts them: in Unicode code points, however they are escaped. Half of a character counts as one.
// In a text of JSON, a conversation say, what JSON itself needs is counted too, which is little.
namespace rocket {

[[nodiscard]] size_t count_characters(std::string_view raw);

// Those from `begin` on to before `end`, as far as there are any.
[[nodiscard]] std::string_view characters_between(std::string_view raw, size_t begin, size_t end);

}  // namespace rocket
