#include "schema/raw_characters.h"

#include <algorithm>

namespace rocket {
namespace {

// Bytes of UTF-8 that go on with a character.
bool goes_on(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// "\ud8..", whose third digit is one of these.
bool is_half(std::string_view raw, size_t at, std::string_view digits) {
  return raw.size() - at >= 6 && raw[at] == '\\' && raw[at + 1] == 'u' &&
         (raw[at + 2] == 'd' || raw[at + 2] == 'D') && digits.contains(raw[at + 3]);
}

// Of the escape that begins there, in bytes; of both halves of a character.
size_t escape_length(std::string_view raw, size_t at) {
  if (at + 1 >= raw.size() || raw[at + 1] != 'u') return 2;
  const bool pair = is_half(raw, at, "89abAB") && is_half(raw, at + 6, "cdefCDEF");
  return pair ? 12 : 6;
}

// Where so many characters from `at` on end.
size_t end_of(std::string_view raw, size_t at, size_t count) {
  for (; count > 0 && at < raw.size(); --count) {
    at += raw[at] == '\\' ? escape_length(raw, at) : 1;
    while (at < raw.size() && goes_on(raw[at]))
      ++at;
  }
  return std::min(at, raw.size());
}

}  // namespace

size_t count_characters(std::string_view raw) {
  // Called for each piece of a stream: most are short and have no escape.
  size_t count = 0;
  bool escapes = false;
  for (const char c : raw) {
    count += goes_on(c) ? 0 : 1;
    escapes |= c == '\\';
  }
  if (!escapes) return count;
  count = 0;
  for (size_t at = 0; at < raw.size(); ++at) {
    if (goes_on(raw[at])) continue;
    if (raw[at] == '\\') at += escape_length(raw, at) - 1;
    ++count;
  }
  return count;
}

std::string_view characters_between(std::string_view raw, size_t begin, size_t end) {
  const size_t from = end_of(raw, 0, begin);
  const size_t to = end_of(raw, from, end - std::min(begin, end));
  return raw.substr(from, to - from);
}

}  // namespace rocket
