#include "schema/json_pieces.h"

namespace rocket {

std::vector<std::string_view> JsonPieces::pieces() const {
  std::vector<std::string_view> pieces;
  pieces.reserve(2 * long_.size() + 1);
  const std::string_view text = text_;
  size_t begin = 0;
  for (const Long& one : long_) {
    if (one.at != begin) pieces.push_back(text.substr(begin, one.at - begin));
    pieces.push_back(one.bytes);
    begin = one.at;
  }
  if (begin != text.size()) pieces.push_back(text.substr(begin));
  return pieces;
}

std::string JsonPieces::joined() const {
  std::string joined;
  for (const std::string_view piece : pieces())
    joined += piece;
  return joined;
}

}  // namespace rocket
