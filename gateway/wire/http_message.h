#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// HTTP/1 heads as values: what the parsers read and the writer writes.
namespace rocket {

enum class Method : unsigned char { get, head, post, put, del, patch, options, other };
[[nodiscard]] std::string_view to_string(Method method);  // "GET"; "OTHER"

// The case of ASCII letters only, as HTTP compares names.
[[nodiscard]] inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [lower](char left, char right) { return lower(left) == lower(right); });
}

// Header lines in the order received, kept in one text as "name: value\r\n", so that a line or a
// run of lines goes into an outgoing head with one append. Names keep their spelling and compare
// without regard to case. Views are valid until the list changes or moves.
class HeaderList {
 public:
  struct Header {
    std::string_view name;
    std::string_view value;
  };
  class Iterator;

  HeaderList() = default;
  HeaderList(const HeaderList&) = default;
  HeaderList(HeaderList&&) = default;
  HeaderList& operator=(const HeaderList&) = default;
  // Gives back what was held. The default would not: a long std::string that a short one is
  // assigned to keeps its memory, and idle connections would hold a head's worth each.
  HeaderList& operator=(HeaderList&& other) noexcept {
    HeaderList held;
    std::swap(text_, held.text_);
    std::swap(lines_, held.lines_);
    std::swap(text_, other.text_);
    std::swap(lines_, other.lines_);
    line_begin_ = std::exchange(other.line_begin_, 0);
    return *this;
  }
  ~HeaderList() = default;

  // The value is one that header_value_ok accepts.
  void add(std::string_view name, std::string_view value);

  // The same in pieces, for a parser that finds a line split over two reads: the name's pieces,
  // end_name, the value's pieces, end_value. White space after the value is dropped.
  void append_name(std::string_view piece) { text_.append(piece); }
  void end_name();
  void append_value(std::string_view piece) { text_.append(piece); }
  void end_value();

  // The first value of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;

  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] Header operator[](std::size_t index) const {
    const Line& line = lines_[index];
    const std::string_view text = text_;
    return {text.substr(line.begin, line.name_size),
            text.substr(line.value_begin(), line.value_size)};
  }
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

  // "name: value\r\n" of one header, and of those from `first` up to but without `last`.
  [[nodiscard]] std::string_view line(std::size_t index) const { return lines(index, index + 1); }
  [[nodiscard]] std::string_view lines(std::size_t first, std::size_t last) const;
  [[nodiscard]] std::size_t bytes() const { return line_begin_; }
  // Of the name that is being appended.
  [[nodiscard]] std::size_t unfinished_bytes() const { return text_.size() - line_begin_; }
  // What all of it takes, a line that is not finished with it.
  [[nodiscard]] std::size_t memory() const { return text_.capacity(); }

  void clear();

 private:
  static constexpr std::string_view separator = ": ";
  static constexpr std::string_view line_end = "\r\n";

  struct Line {
    std::uint32_t begin;
    std::uint32_t name_size;
    std::uint32_t value_size;

    [[nodiscard]] std::uint32_t value_begin() const {
      return begin + name_size + static_cast<std::uint32_t>(separator.size());
    }
  };

  [[nodiscard]] std::size_t begin_of(std::size_t index) const;

  std::string text_;
  std::vector<Line> lines_;
  std::size_t line_begin_ = 0;  // where the line after the last finished one starts
};

class HeaderList::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Header;
  using difference_type = std::ptrdiff_t;

  Iterator() = default;
  Iterator(const HeaderList& list, std::size_t index) : list_(&list), index_(index) {}

  [[nodiscard]] Header operator*() const { return (*list_)[index_]; }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) {
    const Iterator before = *this;
    ++index_;
    return before;
  }
  [[nodiscard]] bool operator==(const Iterator&) const = default;

 private:
  const HeaderList* list_ = nullptr;
  std::size_t index_ = 0;
};

inline HeaderList::Iterator HeaderList::begin() const {
  return {*this, 0};
}
inline HeaderList::Iterator HeaderList::end() const {
  return {*this, size()};
}

// What a peer may send before it is refused. Bounds on bodies are the caller's.
struct HttpLimits {
  std::size_t header_bytes = 64 * 1024;  // the whole head; also chunk extensions and trailers
  std::size_t headers = 100;
  std::size_t target_bytes = 8192;
};

struct RequestHead {
  Method method = Method::other;
  std::string method_name;  // as received: "PROPFIND"
  std::string target;       // as received; see parse_target
  int minor_version = 1;    // HTTP/1.0 or HTTP/1.1
  HeaderList headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = false;       // what version and Connection say
  bool expect_continue = false;  // the client waits for 100 before it sends the body
};

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  HeaderList headers;
  std::optional<std::uint64_t> content_length;  // of a HEAD, 204 or 304 too, which have no body
  bool chunked = false;
  bool keep_alive = false;  // false as well where the body ends with the connection
};

}  // namespace rocket
