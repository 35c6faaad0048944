#include "base/json_text.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/utf8.h"

namespace rocket {
namespace {

// The lowest byte of the word, in memory order, is the first of the text.
static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t in_each_byte(unsigned char byte) {
  return 0x0101010101010101U * byte;
}
constexpr std::uint64_t high_bits = in_each_byte(0x80);

// Sets the high bit of each byte that is zero. Borrows may set it too in bytes above the first
// zero, never below, so the lowest set bit is true (Warren, Hacker's Delight, 6-1).
constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return (word - in_each_byte(1)) & ~word & high_bits;
}

// Of eight bytes, how many stand before the first that can not be copied as it is.
constexpr std::size_t plain_bytes(std::uint64_t word) {
  const std::uint64_t control = (word - in_each_byte(0x20)) & ~word & high_bits;
  const std::uint64_t not_ascii = word & high_bits;
  const std::uint64_t escaped = zero_bytes(word ^ in_each_byte('"')) |
                                zero_bytes(word ^ in_each_byte('\\')) |
                                zero_bytes(word ^ in_each_byte(0x7F));
  const std::uint64_t found = control | not_ascii | escaped;
  return static_cast<std::size_t>(std::countr_zero(found)) / 8;
}

std::size_t plain_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at + 8 <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const std::size_t plain = plain_bytes(word);
    at += plain;
    if (plain < 8) return at;
  }
  if (at == text.size()) return at;
  std::uint64_t rest = 0;  // a zero byte ends the run, at the latest behind the text
  std::memcpy(&rest, text.data() + at, text.size() - at);
  return at + plain_bytes(rest);
}

void append_escape(std::string& out, char32_t code_point) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (code_point) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4)
        out += digits[code_point >> shift & 0xF];
  }
}

bool must_escape(char32_t code_point) {
  return code_point < 0x20 || code_point == '"' || code_point == '\\' ||
         (code_point >= 0x7F && code_point < 0xA0) || code_point == 0x2028 || code_point == 0x2029;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (true) {
    const std::size_t plain = plain_prefix(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Utf8Piece piece = first_utf8_piece(text);
    if (!piece.valid) {
      out += utf8_replacement;
    } else if (must_escape(piece.code_point)) {
      append_escape(out, piece.code_point);
    } else {
      out += text.substr(0, piece.bytes);
    }
    text.remove_prefix(piece.bytes);
  }
  out += '"';
}

}  // namespace rocket
