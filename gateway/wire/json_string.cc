#include "wire/json_string.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace rocket {
namespace {

constexpr std::uint64_t every_byte(unsigned char byte) {
  return 0x0101010101010101U * byte;
}

// Eight bytes, the first in memory lowest.
std::uint64_t load_word(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
  return word;
}

// Sets the top bit of bytes that are quotes, backslashes or controls. A borrow can set it of
// bytes above such a one too, so only the lowest bit set is to be trusted.
std::uint64_t special_bytes(std::uint64_t word) {
  // This brings the quote down to 0x20, next to the controls, and the space up out of the way.
  const std::uint64_t quote_or_control = (word ^ every_byte('"' ^ 0x20)) - every_byte(0x21);
  const std::uint64_t backslash = (word ^ every_byte('\\')) - every_byte(1);
  return (quote_or_control | backslash) & ~word & every_byte(0x80);
}

bool is_special(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

bool is_high_surrogate(char32_t c) {
  return c >= 0xD800 && c < 0xDC00;
}
bool is_low_surrogate(char32_t c) {
  return c >= 0xDC00 && c < 0xE000;
}

// The four hex digits of a \u escape.
JsonEscape read_hex(const char* p, const char* end) {
  if (end - p < 4) return {0, nullptr};
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(p, p + 4, value, 16);
  if (error != std::errc() || stop != p + 4) return {0, nullptr};
  return {value, stop};
}

JsonEscape read_unicode_escape(const char* backslash, const char* end) {
  const JsonEscape first = read_hex(backslash + 2, end);
  if (first.end == nullptr || is_low_surrogate(first.code_point)) return {0, nullptr};
  if (!is_high_surrogate(first.code_point)) return first;
  if (end - first.end < 2 || first.end[0] != '\\' || first.end[1] != 'u') return {0, nullptr};
  const JsonEscape second = read_hex(first.end + 2, end);
  if (second.end == nullptr || !is_low_surrogate(second.code_point)) return {0, nullptr};
  return {0x10000 + ((first.code_point - 0xD800) << 10) + (second.code_point - 0xDC00), second.end};
}

// What may stand behind a backslash and what it stands for, in the same order.
constexpr std::string_view escape_letters = "\"\\/bfnrt";
constexpr std::string_view escape_meanings = "\"\\/\b\f\n\r\t";

struct Utf8Bytes {
  std::array<char, 4> bytes;
  size_t size;
  [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
};

Utf8Bytes to_utf8(char32_t c) {
  const auto lead = [](char32_t bits) { return static_cast<char>(bits); };
  const auto next = [](char32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (c < 0x80) return {{lead(c)}, 1};
  if (c < 0x800) return {{lead(0xC0 | (c >> 6)), next(c)}, 2};
  if (c < 0x10000) return {{lead(0xE0 | (c >> 12)), next(c >> 6), next(c)}, 3};
  return {{lead(0xF0 | (c >> 18)), next(c >> 12), next(c >> 6), next(c)}, 4};
}

[[gnu::noinline]] bool escaped_decodes_to(std::string_view raw, std::string_view plain) {
  while (true) {
    const size_t run = std::min(raw.find('\\'), raw.size());
    if (!plain.starts_with(raw.substr(0, run))) return false;
    plain.remove_prefix(run);
    if (run == raw.size()) return plain.empty();
    const JsonEscape escape = read_json_escape(raw.data() + run, raw.data() + raw.size());
    if (escape.end == nullptr) return false;
    const Utf8Bytes character = to_utf8(escape.code_point);
    if (!plain.starts_with(character.view())) return false;
    plain.remove_prefix(character.size);
    raw.remove_prefix(static_cast<size_t>(escape.end - raw.data()));
  }
}

// The first byte that json_append_quoted has to look at, or `end`.
const char* ascii_end(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    const std::uint64_t word = load_word(p);
    // What is not ASCII has its top bit set; DEL gets it by adding one.
    if (((special_bytes(word) | word | (word + every_byte(1))) & every_byte(0x80)) != 0) break;
  }
  while (p != end && !is_special(*p) && static_cast<unsigned char>(*p) < 0x7F)
    ++p;
  return p;
}

bool is_ascii(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  std::uint64_t seen = 0;
  for (; end - p >= 8; p += 8)
    seen |= load_word(p);
  for (; p != end; ++p)
    seen |= static_cast<unsigned char>(*p);
  return (seen & every_byte(0x80)) == 0;
}

bool needs_escape(char32_t c) {
  return c < 0x20 || c == '"' || c == '\\' || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

void append_escaped(std::string& out, char32_t c) {
  const size_t letter = c < 0x80 ? escape_meanings.find(static_cast<char>(c)) : c;
  if (letter < escape_letters.size()) {
    out += '\\';
    out += escape_letters[letter];
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<std::uint32_t>(c));
  }
}

}  // namespace

const char* json_plain_tail_end(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    const std::uint64_t special = special_bytes(load_word(p));
    if (special != 0) return p + std::countr_zero(special) / 8;
  }
  while (p != end && !is_special(*p))
    ++p;
  return p;
}

bool json_string_valid(std::string_view raw) {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while ((p = json_plain_end(p, end)) != end) {
    if (*p != '\\') return false;
    p = read_json_escape(p, end).end;
    if (p == nullptr) return false;
  }
  return is_ascii(raw) || simdjson::validate_utf8(raw);
}

JsonEscape read_json_escape(const char* backslash, const char* end) {
  if (end - backslash < 2) return {0, nullptr};
  if (backslash[1] == 'u') return read_unicode_escape(backslash, end);
  const size_t letter = escape_letters.find(backslash[1]);
  if (letter == escape_letters.npos) return {0, nullptr};
  return {static_cast<unsigned char>(escape_meanings[letter]), backslash + 2};
}

Utf8Character read_utf8(const char* p, const char* end) {
  const auto byte = [](char c) { return static_cast<unsigned char>(c); };
  const unsigned lead = byte(*p);
  if (lead < 0x80) return {lead, p + 1, true};
  if (lead < 0xC2 || lead > 0xF4) return {0, p + 1, false};
  const int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  // Only the second byte tells overlong forms, surrogates and what is above U+10FFFF.
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code_point = lead & (0x3FU >> more);
  ++p;
  for (int i = 0; i < more; ++i, ++p, low = 0x80, high = 0xBF) {
    if (p == end || byte(*p) < low || byte(*p) > high) return {0, p, false};
    code_point = (code_point << 6) | (byte(*p) & 0x3FU);
  }
  return {code_point, p, true};
}

std::optional<std::string> json_decoded(std::string_view raw) {
  std::string decoded;
  decoded.reserve(raw.size());
  for (size_t at = raw.find('\\'); at != raw.npos; at = raw.find('\\')) {
    const JsonEscape escape = read_json_escape(raw.data() + at, raw.data() + raw.size());
    if (escape.end == nullptr) return std::nullopt;
    decoded += raw.substr(0, at);
    decoded += to_utf8(escape.code_point).view();
    raw.remove_prefix(static_cast<size_t>(escape.end - raw.data()));
  }
  decoded += raw;
  return decoded;
}

bool json_begun_decodes_to(std::string_view raw, std::string_view plain) {
  if (!raw.contains('\\')) return raw == plain;
  return escaped_decodes_to(raw, plain);
}

bool json_begun_folds_to(std::string_view raw, std::string_view plain) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  if (!raw.contains('\\') && is_ascii(raw)) {
    return raw != plain && std::ranges::equal(raw, plain, {}, lower);
  }
  const std::string decoded = json_decoded(raw).value_or("");
  if (decoded == plain) return false;
  std::string folded;
  for (size_t i = 0; i < decoded.size(); ++i) {
    const std::string_view rest = std::string_view(decoded).substr(i);
    if (rest.starts_with("\xC5\xBF")) {  // the long s
      folded += 's';
      i += 1;
    } else if (rest.starts_with("\xE2\x84\xAA")) {  // the sign of Kelvin
      folded += 'k';
      i += 2;
    } else {
      folded += lower(decoded[i]);
    }
  }
  return folded == plain;
}

void json_append_quoted(std::string& out, std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const char* run = p;  // from here to `p` all may be copied as it is
  out += '"';
  while ((p = ascii_end(p, end)) != end) {
    const Utf8Character character = read_utf8(p, end);
    if (!character.valid || needs_escape(character.code_point)) {
      out.append(run, p);
      run = character.end;
      if (character.valid) {
        append_escaped(out, character.code_point);
      } else {
        out += "\xEF\xBF\xBD";
      }
    }
    p = character.end;
  }
  out.append(run, end);
  out += '"';
}

std::string json_quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  json_append_quoted(out, text);
  return out;
}

}  // namespace rocket
