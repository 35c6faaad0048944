#include "schema/splice.h"

#include "base/assert.h"

namespace rocket {

std::vector<std::string_view> splice(std::string_view text, std::span<const Edit> edits) {
  std::vector<std::string_view> pieces;
  pieces.reserve(edits.size() * 3 + 1);
  size_t position = 0;
  for (const Edit& edit : edits) {
    ROCKET_ASSERT(position <= edit.begin && edit.begin <= edit.end && edit.end <= text.size());
    pieces.push_back(text.substr(position, edit.begin - position));
    pieces.push_back(edit.text);
    if (!edit.tail.empty()) pieces.push_back(edit.tail);
    position = edit.end;
  }
  pieces.push_back(text.substr(position));
  return pieces;
}

}  // namespace rocket
