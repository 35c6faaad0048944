#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "wire/http_message.h"

namespace rocket {

// For fuzz targets: a second reading of an HTTP/1 message that a parser has accepted, as plain as
// can be: all of it at once, with nothing but find(). What does not stand where RFC 9112 has it
// is an assertion, for the parser has taken something else for a message.
class PlainReader {
 public:
  enum class Framing : unsigned char { request, response, no_body };

  PlainReader(std::string_view message, Framing framing) : rest_(message) {
    read_head();
    while (framing != Framing::request && first_line.substr(sizeof "HTTP/1.x" - 1, 2) == " 1")
      read_head();
    if (framing != Framing::no_body) read_body(framing);
    ROCKET_ASSERT(rest_.empty());
  }

  // What the parser says of it.
  void compare(const HeaderList& list, std::string_view parsed_body) const {
    ROCKET_ASSERT(headers.size() == list.size());
    for (std::size_t i = 0; i < headers.size(); ++i) {
      ROCKET_ASSERT(headers[i].first == list[i].name && headers[i].second == list[i].value);
    }
    ROCKET_ASSERT(body == parsed_body);
  }

  std::string_view first_line;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string body;

 private:
  std::string_view take_line() {
    const std::size_t end = rest_.find("\r\n");
    ROCKET_ASSERT(end != std::string_view::npos);
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    ROCKET_ASSERT(line.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos);
    return line;
  }

  // Empty lines before it are skipped, before that of the answer behind an interim one too.
  void read_head() {
    while (rest_.starts_with('\r') || rest_.starts_with('\n'))
      rest_.remove_prefix(1);
    first_line = take_line();
    headers.clear();
    for (std::string_view line = take_line(); !line.empty(); line = take_line()) {
      const std::size_t colon = line.find(':');
      ROCKET_ASSERT(colon != std::string_view::npos && colon != 0);
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ') || value.starts_with('\t'))
        value.remove_prefix(1);
      while (value.ends_with(' ') || value.ends_with('\t'))
        value.remove_suffix(1);
      headers.emplace_back(line.substr(0, colon), value);
    }
  }

  [[nodiscard]] std::optional<std::string_view> only(std::string_view name) const {
    std::optional<std::string_view> found;
    for (const auto& [each, value] : headers) {
      if (!equals_ignoring_case(each, name)) continue;
      ROCKET_ASSERT(!found);
      found = value;
    }
    return found;
  }

  static std::size_t number(std::string_view digits, int base) {
    std::size_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    ROCKET_ASSERT(error == std::errc() && end == digits.data() + digits.size());
    return value;
  }

  void read_body(Framing framing) {
    const auto length = only("content-length");
    if (const auto coding = only("transfer-encoding")) {
      ROCKET_ASSERT(!length && equals_ignoring_case(*coding, "chunked"));
      read_chunks();
    } else if (length) {
      take_bytes(number(*length, 10));
    } else if (framing == Framing::response) {
      take_bytes(rest_.size());
    }
  }

  void take_bytes(std::size_t count) {
    ROCKET_ASSERT(count <= rest_.size());
    body += rest_.substr(0, count);
    rest_.remove_prefix(count);
  }

  void read_chunks() {
    while (true) {
      const std::string_view line = take_line();
      const std::size_t size = number(line.substr(0, line.find(';')), 16);
      if (size == 0) break;
      take_bytes(size);
      ROCKET_ASSERT(take_line().empty());
    }
    while (!take_line().empty()) {
    }
  }

  std::string_view rest_;
};

}  // namespace rocket
