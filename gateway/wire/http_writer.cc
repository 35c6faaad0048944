#include "wire/http_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "base/assert.h"

namespace rocket {

namespace {

struct Reason {
  int status;
  std::string_view phrase;
};

// RFC 9110 and RFC 6585, in order of status.
constexpr auto reasons = std::to_array<Reason>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
});

// Nothing where there is no such status, which is legal too.
std::string_view reason_phrase(int status) {
  const auto* const found = std::ranges::lower_bound(reasons, status, {}, &Reason::status);
  return found != reasons.end() && found->status == status ? found->phrase : std::string_view{};
}

}  // namespace

void append_parts(std::string& out, std::initializer_list<std::string_view> parts) {
  const std::size_t before = out.size();
  std::size_t bytes = before;
  for (const std::string_view part : parts)
    bytes += part.size();
  out.resize_and_overwrite(bytes, [&](char* text, std::size_t) {
    char* end = text + before;
    for (const std::string_view part : parts) {
      end = std::copy_n(part.data(), part.size(), end);
    }
    return bytes;
  });
}

bool header_value_ok(std::string_view value) {
  // Nearly all hold no control character whatever, which eight bytes can be asked at once.
  constexpr std::uint64_t each = 0x0101010101010101U;
  while (value.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, value.data(), sizeof word);
    if (((word - 0x20 * each) & ~word & 0x80 * each) != 0) break;
    value.remove_prefix(8);
  }
  return std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void append_request_line(std::string& out, std::string_view method, std::string_view target) {
  ROCKET_ASSERT(!method.empty() && !method.contains(' ') && header_value_ok(method));
  ROCKET_ASSERT(!target.empty() && !target.contains(' ') && header_value_ok(target));
  append_parts(out, {method, " ", target, " HTTP/1.1\r\n"});
}

void append_status_line(std::string& out, int status) {
  ROCKET_ASSERT(status >= 100 && status <= 599);
  std::array<char, 3> digits;
  std::to_chars(digits.begin(), digits.end(), status);
  const std::string_view code(digits.data(), digits.size());
  append_parts(out, {"HTTP/1.1 ", code, " ", reason_phrase(status), "\r\n"});
}

void append_chunk_prefix(std::string& out, std::size_t size) {
  ROCKET_ASSERT(size > 0);
  std::array<char, 2 * sizeof(size)> digits;
  const auto [end, error] = std::to_chars(digits.begin(), digits.end(), size, 16);
  out.append(digits.begin(), end).append("\r\n");
}

}  // namespace rocket
