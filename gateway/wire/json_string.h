#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>
#include <optional>
#include <string>
#include <string_view>

// The inside of JSON strings: escapes, UTF-8, and quoting.
namespace rocket {

// As json_plain_end, 8 bytes at a time and the last ones singly.
[[nodiscard]] const char* json_plain_tail_end(const char* p, const char* end);

// The first byte that can not stand for itself in a string (a quote, a backslash or a control
// character), or `end`. What is not ASCII stands for itself.
[[nodiscard]] inline const char* json_plain_end(const char* p, const char* end) {
#ifdef __SSE2__
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const __m128i special = _mm_or_si128(_mm_or_si128(quotes, backslashes), controls);
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#endif
  return json_plain_tail_end(p, end);
}

// Whether `raw` may stand between a string's quotes: no quote or control character, no malformed
// escape, no half of a surrogate pair, and UTF-8.
[[nodiscard]] bool json_string_valid(std::string_view raw);

struct JsonEscape {
  char32_t code_point;
  const char* end;  // null if it is none: an unknown letter, bad digits, half a surrogate pair
};
// The character that the escape at `backslash` stands for.
[[nodiscard]] JsonEscape read_json_escape(const char* backslash, const char* end);

// The character at `p`, which is not `end`. Of broken UTF-8 as many bytes as belong together
// (Unicode 3.9, "maximal subpart").
struct Utf8Character {
  char32_t code_point;
  const char* end;
  bool valid;
};
[[nodiscard]] Utf8Character read_utf8(const char* p, const char* end);

// The text that `raw`, what stands between a string's quotes, is written for; nothing if an
// escape is malformed.
[[nodiscard]] std::optional<std::string> json_decoded(std::string_view raw);
// Whether `raw` may be written for `plain`, or for what folds to it: tells most apart, without a
// call. A byte is written with one to six (\u0041).
[[nodiscard]] inline bool json_may_decode_to(std::string_view raw, std::string_view plain) {
  return raw.size() >= plain.size() && raw.size() <= 6 * plain.size();
}
// The rest of the two below, of texts that begin alike.
[[nodiscard]] bool json_begun_decodes_to(std::string_view raw, std::string_view plain);
[[nodiscard]] bool json_begun_folds_to(std::string_view raw, std::string_view plain);
// Whether that text is `plain`; allocates nothing.
[[nodiscard]] inline bool json_decodes_to(std::string_view raw, std::string_view plain) {
  if (!json_may_decode_to(raw, plain)) return false;
  if (raw.empty()) return true;
  if (raw.front() != plain.front() && raw.front() != '\\') return false;
  return json_begun_decodes_to(raw, plain);
}
// Whether it is not, but those who take keys without regard to case (Unicode's simple folding)
// take it for `plain`, a word of small letters.
[[nodiscard]] inline bool json_key_folds_to(std::string_view raw, std::string_view plain) {
  if (!json_may_decode_to(raw, plain)) return false;
  const char first = raw.front();
  const char lower = first >= 'A' && first <= 'Z' ? static_cast<char>(first | 0x20) : first;
  if (lower != plain.front() && first != '\\' && static_cast<unsigned char>(first) < 0x80) {
    return false;
  }
  return json_begun_folds_to(raw, plain);
}

// Appends `text` as a JSON string, quotes included, that is valid whatever the bytes: what is not
// UTF-8 becomes U+FFFD. Everything that a terminal or a log reader takes for a line break or a
// control sequence is escaped (C0, DEL, C1, U+2028, U+2029), so that no input can break a line.
void json_append_quoted(std::string& out, std::string_view text);
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace rocket
