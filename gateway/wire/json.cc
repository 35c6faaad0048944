#include "wire/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>

namespace rocket {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

const char* first_bad_utf8(const char* p, const char* end) {
  while (p != end) {
    const Utf8Character character = read_utf8(p, end);
    if (!character.valid) return p;
    p = character.end;
  }
  return end;
}

JsonKind kind_of(char first) {
  if (first == '"') return JsonKind::string;
  if (first == '{') return JsonKind::object;
  if (first == '[') return JsonKind::array;
  if (first == 't' || first == 'f') return JsonKind::boolean;
  return first == 'n' ? JsonKind::null : JsonKind::number;
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

// Which of the open containers are objects, a bit each, the innermost lowest. Recursion instead
// would let the text decide how much stack it takes.
class OpenContainers {
 public:
  void push(bool object) {
    if (depth_ % 64 == 0) outer_[depth_ / 64] = bits_;
    bits_ = (bits_ << 1) | (object ? 1 : 0);
    ++depth_;
  }
  void pop() {
    --depth_;
    bits_ = depth_ % 64 == 0 ? outer_[depth_ / 64] : bits_ >> 1;
  }
  [[nodiscard]] unsigned depth() const { return depth_; }
  [[nodiscard]] bool in_object() const { return (bits_ & 1) != 0; }

 private:
  unsigned depth_ = 0;
  std::uint64_t bits_ = 0;
  // What was in bits_ at every 64th level; not cleared, as that takes longer than most objects.
  std::array<std::uint64_t, JsonLimits::depth_max / 64> outer_;
};

// A character as an error message shows it: never one that could disturb a log or a terminal.
std::string shown(const char* p, const char* end) {
  if (p == end) return "the end of the text";
  const auto byte = static_cast<unsigned char>(*p);
  if (byte == 0) return "a NUL byte";
  if (byte == '\n' || byte == '\r') return "a line break";
  if (byte == '\t') return "a tab";
  if (byte < 0x20 || byte == 0x7F) return fmt::format("the byte 0x{:02x}", byte);
  if (byte < 0x80) return fmt::format("'{}'", *p);
  return fmt::format("U+{:04X}", static_cast<std::uint32_t>(read_utf8(p, end).code_point));
}

}  // namespace

std::optional<bool> JsonValue::as_bool() const {
  if (kind != JsonKind::boolean) return std::nullopt;
  return text == "true";
}

std::optional<std::int64_t> JsonValue::as_int() const {
  if (kind != JsonKind::number) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop == end && error == std::errc()) return value;
  constexpr double exact_max = 9007199254740992;  // 2^53: from here on doubles skip integers
  const std::optional<double> number = as_double();
  if (!number || std::trunc(*number) != *number || std::abs(*number) >= exact_max) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

std::optional<double> JsonValue::as_double() const {
  if (kind != JsonKind::number) return std::nullopt;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error != std::errc()) return std::nullopt;
  return value;
}

std::string_view JsonValue::raw_string() const {
  if (kind != JsonKind::string || text.size() < 2) return {};
  return text.substr(1, text.size() - 2);
}

std::optional<std::string> JsonValue::as_string() const {
  if (kind != JsonKind::string) return std::nullopt;
  return json_decoded(raw_string());
}

bool JsonReader::check_encoding() {
  const std::string_view text = between(begin_, end_);
  if (text.starts_with("\xEF\xBB\xBF")) {
    fault(begin_, "the text begins with a byte order mark; leave it out");
    return false;
  }
  if (simdjson::validate_utf8(text)) return true;
  const char* const bad = first_bad_utf8(begin_, end_);
  fault(bad, fmt::format("the byte 0x{:02x} is not valid UTF-8 here; JSON has to be UTF-8",
                         static_cast<unsigned char>(*bad)));
  return false;
}

bool JsonReader::next(JsonMember& member) {
  const char* const key = next_item('{');
  if (key == nullptr) return false;
  const char* const after_key = key_end(key);
  const char* const value = colon_end(after_key);
  if (value == nullptr) return false;
  const char* const end = value_end(value, 1);
  if (end == nullptr) return false;
  member.key = between(key + 1, after_key - 1);
  member.begin = static_cast<size_t>(key - begin_);
  member.value.kind = kind_of(*value);
  member.value.text = between(value, end);
  member.value_begin = static_cast<size_t>(value - begin_);
  member.value_end = static_cast<size_t>(end - begin_);
  position_ = end;
  return true;
}

bool JsonReader::next(JsonValue& element) {
  const char* const begin = next_item('[');
  if (begin == nullptr) return false;
  const char* const end = value_end(begin, 1);
  if (end == nullptr) return false;
  element.kind = kind_of(*begin);
  element.text = between(begin, end);
  position_ = end;
  return true;
}

bool JsonReader::whole(JsonValue& value) {
  const char* const begin = space_end(begin_);
  if (begin == end_) return fault(begin, "the body is empty; send a JSON value") != nullptr;
  const char* const end = value_end(begin, 0);
  if (end == nullptr) return false;
  const char* const rest = space_end(end);
  if (rest != end_) return expected(rest, "nothing after the value") != nullptr;
  value.kind = kind_of(*begin);
  value.text = between(begin, end);
  state_ = State::done;
  return true;
}

Result<void> JsonReader::finish() const {
  if (!fault_.empty()) return fail(ErrorCode::invalid_json, fault_);
  return {};
}

const char* JsonReader::spaces_end(const char* p) const {
  while (p != end_ && is_space(*p))
    ++p;
  return p;
}

// Where the next item of the container begins that the text is; null if there is none.
const char* JsonReader::next_item(char open) {
  if (state_ == State::done) return nullptr;
  const bool object = open == '{';
  const char close = object ? '}' : ']';
  const char* p = space_end(position_);
  if (state_ == State::before) {
    if (p == end_) {
      return fault(p, object ? "the body is empty; send a JSON object"
                             : "the body is empty; send a JSON array");
    }
    if (*p != open) return expected(p, object ? "'{', a JSON object" : "'[', a JSON array");
    state_ = State::inside;
    p = space_end(p + 1);
    if (peek(p) != close) return p;
  } else if (peek(p) == ',') {
    return space_end(p + 1);
  } else if (peek(p) != close) {
    return unclosed(p, object);
  }
  state_ = State::done;
  p = space_end(p + 1);
  if (p != end_)
    return expected(p, object ? "nothing after the object" : "nothing after the array");
  return nullptr;
}

const char* JsonReader::key_end(const char* p) {
  if (peek(p) != '"') return expected(p, "a key in double quotes");
  return string_end(p);
}

// Past the colon behind a key and the space around it: where the value begins.
const char* JsonReader::colon_end(const char* p) {
  if (p == nullptr) return nullptr;
  p = space_end(p);
  if (peek(p) != ':') return expected(p, "':' after a key");
  return space_end(p + 1);
}

const char* JsonReader::value_end(const char* p, unsigned depth) {
  const char first = peek(p);
  if (first == '{' || first == '[') return container_end(p, depth);
  return values_left_-- == 0 ? too_many(p) : scalar_end(p);
}

const char* JsonReader::container_end(const char* p, unsigned outer) {
  OpenContainers open;
  while (true) {
    // Here `p` is where a value begins.
    if (values_left_-- == 0) return too_many(p);
    const char first = peek(p);
    if (first == '{' || first == '[') {
      if (outer + open.depth() == depth_max_) return too_deep(p);
      open.push(first == '{');
      p = space_end(p + 1);
      if (peek(p) != (first == '{' ? '}' : ']')) {
        if (first == '{') p = colon_end(key_end(p));
        if (p == nullptr) return nullptr;
        continue;
      }
    } else {
      p = scalar_end(p);
      if (p == nullptr) return nullptr;
    }
    // And here where one has ended, or a container that holds none is about to.
    while (true) {
      p = space_end(p);
      if (peek(p) == ',') {
        p = space_end(p + 1);
        if (open.in_object()) p = colon_end(key_end(p));
        if (p == nullptr) return nullptr;
        break;
      }
      if (peek(p) != (open.in_object() ? '}' : ']')) return unclosed(p, open.in_object());
      ++p;
      open.pop();
      if (open.depth() == 0) return p;
    }
  }
}

const char* JsonReader::scalar_end(const char* p) {
  const char first = peek(p);
  if (first == '"') return string_end(p);
  if (first == '-' || is_digit(first)) return number_end(p);
  if (first == 't') return literal_end(p, "true");
  if (first == 'f') return literal_end(p, "false");
  if (first == 'n') return literal_end(p, "null");
  return expected(p,
                  "a value (string in double quotes, number, true, false, null, array or object)");
}

// Of a string that holds more than plain characters; kept apart to keep short strings fast.
const char* JsonReader::string_rest_end(const char* p, const char* open) {
  while (true) {
    if (p == end_) return fault(open, "this string has no closing quote");
    if (*p == '"') return p + 1;
    if (*p != '\\') return expected(p, "control characters in a string only as escapes like \\n");
    const JsonEscape escape = read_json_escape(p, end_);
    if (escape.end == nullptr) return bad_escape(p, open);
    p = json_plain_end(escape.end, end_);
  }
}

const char* JsonReader::number_end(const char* p) {
  if (*p == '-') ++p;
  if (peek(p) == '0' && is_digit(peek(p + 1))) return fault(p, "a number has no leading zeros");
  p = digits_end(p, "after '-'");
  if (p != nullptr && peek(p) == '.') p = digits_end(p + 1, "after '.'");
  if (p != nullptr && (peek(p) == 'e' || peek(p) == 'E')) {
    ++p;
    if (peek(p) == '+' || peek(p) == '-') ++p;
    p = digits_end(p, "in the exponent");
  }
  return p;
}

const char* JsonReader::digits_end(const char* p, std::string_view place) {
  if (!is_digit(peek(p))) return expected(p, "a digit ", place);
  while (is_digit(peek(p)))
    ++p;
  return p;
}

const char* JsonReader::literal_end(const char* p, std::string_view literal) {
  for (const char c : literal) {
    if (peek(p) != c) return expected(p, "the rest of ", literal);
    ++p;
  }
  return p;
}

const char* JsonReader::fault(const char* at, std::string_view what) {
  size_t line = 1;
  size_t column = 1;
  for (const char* p = begin_; p != at; ++p) {
    if (*p == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(*p) & 0xC0) != 0x80) {
      ++column;  // a character, not a byte that continues one
    }
  }
  fault_ = fmt::format("line {}, column {}: {}", line, column, what);
  state_ = State::done;
  return nullptr;
}

const char* JsonReader::expected(const char* at, std::string_view what, std::string_view of) {
  return fault(at, fmt::format("expected {}{}, found {}", what, of, shown(at, end_)));
}

const char* JsonReader::unclosed(const char* at, bool object) {
  return expected(at, object ? "',' or '}' after a member" : "',' or ']' after an element");
}

const char* JsonReader::too_deep(const char* at) {
  return fault(at, fmt::format("nested deeper than {} levels", depth_max_));
}

const char* JsonReader::too_many(const char* at) {
  return fault(at, "more members and elements than are read; send fewer, or less at once");
}

const char* JsonReader::bad_escape(const char* backslash, const char* open) {
  const char* p = backslash + 1;
  if (p != end_ && *p != 'u') return expected(p, "one of \" \\ / b f n r t u after '\\'");
  if (p != end_) ++p;
  const char* const digits = p;
  while (p != end_ && p != digits + 4 && is_hex_digit(*p))
    ++p;
  if (p == digits + 4) {
    return fault(backslash, "half of a surrogate pair; it takes both, as in \\ud83d\\ude00");
  }
  if (p == end_) return fault(open, "this string has no closing quote");
  return expected(p, "four hex digits after '\\u'");
}

Result<JsonValue> parse_json(std::string_view text, JsonLimits limits) {
  JsonReader reader(text, limits);
  JsonValue value;
  if (reader.check_encoding() && reader.whole(value)) return value;
  return std::unexpected(reader.finish().error());
}

std::size_t json_values(std::string_view text) {
  constexpr JsonLimits limits{.depth = JsonLimits::depth_max};
  JsonReader reader(text, limits);
  JsonValue value;
  static_cast<void>(reader.whole(value));
  return limits.values - reader.values_left();
}

std::optional<JsonValue> json_find(std::string_view object_text, std::string_view key) {
  for (const JsonMember& member : json_members(object_text)) {
    if (member.key_is(key)) return member.value;
  }
  return std::nullopt;
}

}  // namespace rocket
