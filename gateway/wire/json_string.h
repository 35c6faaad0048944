#pragma once

#include <optional>
#include <string>
#include <string_view>

// The inside of JSON strings: escapes, UTF-8, and quoting.
namespace rocket {

// The first byte that can not stand for itself in a string (a quote, a backslash or a control
// character), or `end`. What is not ASCII stands for itself.
[[nodiscard]] const char* json_plain_end(const char* p, const char* end);

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
// Whether that text is `plain`; allocates nothing.
[[nodiscard]] bool json_decodes_to(std::string_view raw, std::string_view plain);

// Appends `text` as a JSON string, quotes included, that is valid whatever the bytes: what is not
// UTF-8 becomes U+FFFD. Everything that a terminal or a log reader takes for a line break or a
// control sequence is escaped (C0, DEL, C1, U+2028, U+2029), so that no input can break a line.
void json_append_quoted(std::string& out, std::string_view text);
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace rocket
