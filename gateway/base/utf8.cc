#include "base/utf8.h"

#include "base/assert.h"

namespace rocket {
namespace {

struct Lead {
  std::size_t bytes;           // of the whole character; 0: no character begins so
  unsigned char second_least;  // which narrows the second byte only: overlong forms, surrogates
  unsigned char second_most;   // and what lies beyond U+10FFFF are all excluded there
};

Lead lead_of(unsigned char byte) {
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Piece first_utf8_piece(std::string_view text) {
  ROCKET_ASSERT(!text.empty());
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {1, true, first};
  const Lead lead = lead_of(first);
  if (lead.bytes == 0) return {1, false};
  char32_t code_point = first & (0x7FU >> lead.bytes);
  for (std::size_t i = 1; i < lead.bytes; ++i) {
    if (i == text.size()) return {i, false};
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned least = i == 1 ? lead.second_least : 0x80;
    const unsigned most = i == 1 ? lead.second_most : 0xBF;
    if (byte < least || byte > most) return {i, false};
    code_point = code_point << 6 | (byte & 0x3FU);
  }
  return {lead.bytes, true, code_point};
}

}  // namespace rocket
