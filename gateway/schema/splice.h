#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocket {

// Replaces [begin, end) of a text.
struct Edit {
  size_t begin = 0;
  size_t end = 0;
  std::string text;
  std::string_view tail{};  // comes behind `text`: what is too long to be copied
};

// The edited text as pieces, without copying what stays: for one gathering write. The edits are
// in order and do not overlap; text and edits, and what those point to, must outlive the pieces.
[[nodiscard]] std::vector<std::string_view> splice(std::string_view text,
                                                   std::span<const Edit> edits);

}  // namespace rocket
