#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Halves of surrogate pairs that stand alone among the escapes of a JSON text: what comes of a
// program that cuts a text between the two halves of one character and writes each part by itself
// ("\ud83d" and then "\ude00"). Strict JSON has no such strings, and wire/json takes none.
namespace rocket {

struct LoneHalf {
  size_t at;    // of its backslash
  size_t open;  // of the opening quote of its string
  bool first;   // of the pair: what is missing comes behind it

  [[nodiscard]] bool begins_text() const { return at == open + 1; }
};
inline constexpr size_t lone_half_bytes = 6;

// In order. Finds what it can in a text that is no JSON for other reasons.
[[nodiscard]] std::vector<LoneHalf> lone_halves(std::string_view json);
// With the escape of U+FFFD in place of each, which is as long: everything else stays where it is.
// None: there are none.
[[nodiscard]] std::optional<std::string> without_lone_halves(std::string_view json);

}  // namespace rocket
