#pragma once

#include <cstddef>
#include <string_view>

namespace rocket {

// What stands in for bytes that are not UTF-8: U+FFFD.
inline constexpr std::string_view utf8_replacement = "\xEF\xBF\xBD";

// One character of a text, or as many bytes of a broken one as belong together (the maximal
// subpart of Unicode 3.9), to be replaced by one U+FFFD.
struct Utf8Piece {
  std::size_t bytes = 0;
  bool valid = false;
  char32_t code_point = 0;  // if valid
};

// The piece that `text` begins with. `text` is not empty.
[[nodiscard]] Utf8Piece first_utf8_piece(std::string_view text);

}  // namespace rocket
