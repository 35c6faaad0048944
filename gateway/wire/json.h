#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "wire/json_string.h"

// Strict JSON (RFC 8259) for texts of which Rocket reads a few members and passes the rest byte
// for byte: one pass validates the whole text and reports where its members stand. Nothing here
// builds a tree; views point into the text that was given, and only errors and decoded strings
// allocate.
namespace rocket {

enum class JsonKind : unsigned char { null, boolean, number, string, array, object };

// A value where it stands in a text that was found valid. The readers are total: none of them
// fails on a value of another kind or range, they give nothing.
struct JsonValue {
  JsonKind kind = JsonKind::null;
  std::string_view text;  // as written: quotes, brackets and all

  [[nodiscard]] bool is_null() const { return kind == JsonKind::null; }
  [[nodiscard]] std::optional<bool> as_bool() const;
  // Also of 1.0 and 1e3, which are integers to JSON Schema, as far as a double is exact.
  [[nodiscard]] std::optional<std::int64_t> as_int() const;
  [[nodiscard]] std::optional<double> as_double() const;
  [[nodiscard]] std::optional<std::string> as_string() const;
  // Whether this is the string `plain`, however it is escaped.
  [[nodiscard]] bool string_is(std::string_view plain) const {
    return kind == JsonKind::string && json_decodes_to(raw_string(), plain);
  }
  // What stands between a string's quotes, escapes undecoded; empty for other kinds.
  [[nodiscard]] std::string_view raw_string() const;
};

// A member of an object, with offsets into the text that was scanned: [begin, value_end) can be
// cut out, [value_begin, value_end) can be replaced.
struct JsonMember {
  std::string_view key;  // as written between the quotes
  size_t begin = 0;      // of the key's opening quote
  JsonValue value;
  size_t value_begin = 0;
  size_t value_end = 0;

  // Whether the key is `plain`, however it is escaped.
  [[nodiscard]] bool key_is(std::string_view plain) const { return json_decodes_to(key, plain); }
};

struct JsonLimits {
  static constexpr unsigned depth_max = 1024;
  // Of arrays and objects in each other, the outermost counted; from 1 to depth_max.
  unsigned depth = 128;
  // Of members and elements, wherever they stand.
  std::size_t values = std::numeric_limits<std::size_t>::max();
};

// Reads one text front to back. What the functions below are made of; use those.
class JsonReader {
 public:
  JsonReader(std::string_view text, JsonLimits limits)
      : begin_(text.data()),
        end_(begin_ + text.size()),
        position_(begin_),
        depth_max_(std::clamp(limits.depth, 1U, JsonLimits::depth_max)),
        values_left_(limits.values) {}

  // Fails the text if it is not UTF-8 or begins with a byte order mark. To be called first,
  // unless the text is known to be valid.
  [[nodiscard]] bool check_encoding();

  // The next member of the object, or element of the array, that the text is. False behind the
  // last one and at the first fault.
  [[nodiscard]] bool next(JsonMember& member);
  [[nodiscard]] bool next(JsonValue& element);
  // The one value that the text is. False at a fault.
  [[nodiscard]] bool whole(JsonValue& value);

  // Once one of the above was false: whether the text was read to its end, and if not, why.
  [[nodiscard]] Result<void> finish() const;
  // How many of the values that the limits let be have not been read.
  [[nodiscard]] std::size_t values_left() const { return values_left_; }

 private:
  enum class State : unsigned char { before, inside, done };

  [[nodiscard]] char peek(const char* p) const { return p == end_ ? '\0' : *p; }

  // Each takes where something begins and gives where it ends, or null after a fault.
  [[nodiscard]] const char* space_end(const char* p) const {
    // Most often there is none.
    return p == end_ || static_cast<unsigned char>(*p) > ' ' ? p : spaces_end(p);
  }
  [[nodiscard]] const char* spaces_end(const char* p) const;
  [[nodiscard]] const char* next_item(char open);
  [[nodiscard]] const char* key_end(const char* p);
  [[nodiscard]] const char* colon_end(const char* p);
  [[nodiscard]] const char* value_end(const char* p, unsigned depth);
  [[nodiscard]] const char* container_end(const char* p, unsigned outer);
  [[nodiscard]] const char* scalar_end(const char* p);
  [[nodiscard]] const char* string_end(const char* open) {
    const char* const p = json_plain_end(open + 1, end_);
    return peek(p) == '"' ? p + 1 : string_rest_end(p, open);
  }
  [[nodiscard]] const char* string_rest_end(const char* p, const char* open);
  [[nodiscard]] const char* number_end(const char* p);
  [[nodiscard]] const char* digits_end(const char* p, std::string_view place);
  [[nodiscard]] const char* literal_end(const char* p, std::string_view literal);

  // End the reading; they give null, to be returned.
  [[gnu::cold]] const char* fault(const char* at, std::string_view what);
  [[gnu::cold]] const char* expected(const char* at, std::string_view what,
                                     std::string_view of = {});
  [[gnu::cold]] const char* unclosed(const char* at, bool object);
  [[gnu::cold]] const char* too_deep(const char* at);
  [[gnu::cold]] const char* too_many(const char* at);
  [[gnu::cold]] const char* bad_escape(const char* backslash, const char* open);

  const char* begin_;
  const char* end_;
  const char* position_;
  unsigned depth_max_;
  std::size_t values_left_;
  State state_ = State::before;
  std::string fault_;
};

// The whole text must be one JSON value, else invalid_json with line and column.
[[nodiscard]] Result<JsonValue> parse_json(std::string_view text, JsonLimits limits = {});

// The whole text must be one JSON object, else invalid_json with line and column. `on_member` is
// called with each member of the object itself, in order, as it is reached: before the rest of
// the text is known to be valid, so what it gathers counts only if the scan succeeds. A key that
// stands twice is reported twice.
template <class OnMember>
[[nodiscard]] Result<void> scan_object(std::string_view text, JsonLimits limits,
                                       OnMember&& on_member) {
  JsonReader reader(text, limits);
  if (!reader.check_encoding()) return reader.finish();
  JsonMember member;
  while (reader.next(member))
    on_member(std::as_const(member));
  return reader.finish();
}

// The items of a container whose text is known to be valid, for range-for. Of a text that is
// something else it gives no items, of an invalid one those before the fault.
template <class Item>
class JsonRange {
 public:
  class Iterator {
   public:
    explicit Iterator(std::string_view text)
        : reader_(text, JsonLimits{.depth = JsonLimits::depth_max}), more_(reader_.next(item_)) {}
    [[nodiscard]] const Item& operator*() const { return item_; }
    [[nodiscard]] const Item* operator->() const { return &item_; }
    Iterator& operator++() {
      more_ = reader_.next(item_);
      return *this;
    }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const { return !more_; }

   private:
    Item item_;
    JsonReader reader_;
    bool more_;
  };

  explicit JsonRange(std::string_view text) : text_(text) {}
  [[nodiscard]] Iterator begin() const { return Iterator(text_); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  std::string_view text_;
};

using JsonMembers = JsonRange<JsonMember>;
using JsonElements = JsonRange<JsonValue>;

[[nodiscard]] inline JsonMembers json_members(std::string_view object_text) {
  return JsonMembers(object_text);
}
[[nodiscard]] inline JsonElements json_elements(std::string_view array_text) {
  return JsonElements(array_text);
}

// How many values a valid text has: itself, and all members and elements wherever they stand.
[[nodiscard]] std::size_t json_values(std::string_view text);

// The first member `key` of a valid object.
[[nodiscard]] std::optional<JsonValue> json_find(std::string_view object_text,
                                                 std::string_view key);

}  // namespace rocket
