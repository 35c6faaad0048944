#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/assert.h"
#include "wire/fuzz_plain_reader.h"
#include "wire/fuzz_splitter.h"
#include "wire/http_writer.h"
#include "wire/response_parser.h"

// Any split of the input gives what the whole gives, an answer that is read, written anew and read
// again is the same answer, and a plain second reader finds the same in the same bytes.
namespace {

using namespace rocket;

// Small enough to be reached.
constexpr HttpLimits small_limits{.header_bytes = 256, .headers = 6};

std::string describe(const ResponseHead& head) {
  return fmt::format("{} 1.{} {} {} {}\n{}", head.status, head.minor_version,
                     head.content_length.value_or(0), head.chunked, head.keep_alive,
                     head.headers.lines(0, head.headers.size()));
}

void check_head(const ResponseHead& head) {
  ROCKET_ASSERT(head.status >= 200 && head.status <= 599);
  ROCKET_ASSERT(!(head.chunked && head.content_length));
  for (const auto [name, value] : head.headers) {
    ROCKET_ASSERT(!name.empty() && header_value_ok(name) && header_value_ok(value));
  }
}

void check_survives_rewriting(const ResponseHead& head, std::string_view body, bool head_request) {
  std::string out;
  append_status_line(out, head.status);
  for (const auto [name, value] : head.headers)
    append_header(out, name, value);
  out += head_end;
  const bool bodiless = head_request || head.status == 204 || head.status == 304;
  if (bodiless) {
    ROCKET_ASSERT(body.empty());
  } else if (!head.chunked) {
    out += body;
  } else {
    if (!body.empty()) append_chunk_prefix(out, body.size());
    if (!body.empty()) out.append(body).append(chunk_suffix);
    out += last_chunk;
  }

  ResponseParser parser({.header_bytes = 1 << 20, .headers = 1000});
  parser.expect(head_request);
  std::string again;
  std::size_t took = 0;
  while (took < out.size()) {
    const auto used = parser.feed(std::string_view(out).substr(took));
    ROCKET_ASSERT(used && *used > 0);
    took += *used;
    for (const std::string_view part : parser.body())
      again += part;
  }
  ROCKET_ASSERT(parser.feed_end());
  ROCKET_ASSERT(again == body);
  ROCKET_ASSERT(parser.head().status == head.status);
  ROCKET_ASSERT(parser.head().content_length == head.content_length);
  ROCKET_ASSERT(parser.head().headers.lines(0, parser.head().headers.size()) ==
                head.headers.lines(0, head.headers.size()));
}

void check_second_reading(std::string_view message, const ResponseHead& head, std::string_view body,
                          bool head_request) {
  using Framing = PlainReader::Framing;
  const bool bodiless = head_request || head.status == 204 || head.status == 304;
  const PlainReader plain(message, bodiless ? Framing::no_body : Framing::response);
  const std::string start = fmt::format("HTTP/1.{} {}", head.minor_version, head.status);
  const std::string_view line = plain.first_line;
  ROCKET_ASSERT(line == start || line.starts_with(start + ' '));
  plain.compare(head.headers, body);
}

// Everything that happens to `input`, answers behind each other included, as one text.
template <class NextPiece>
std::string read_all(std::string_view input, HttpLimits limits, bool head_request,
                     NextPiece next_piece) {
  ResponseParser parser(limits);
  parser.expect(head_request);
  std::string events;
  std::string body;
  std::size_t took = 0;
  std::size_t begin = 0;
  while (took < input.size()) {
    const auto before = parser.state();
    const auto used = parser.feed(input.substr(took, next_piece()));
    if (!used) {
      return events += fmt::format("{}: {}", to_string(used.error().code), used.error().detail);
    }
    ROCKET_ASSERT(*used > 0);
    took += *used;
    for (const std::string_view part : parser.body())
      body += part;
    if (before == ResponseParser::State::head && parser.state() != before) {
      check_head(parser.head());
      ROCKET_ASSERT(parser.head().headers.size() <= limits.headers);
      events += fmt::format("head ends at {}: {}", took, describe(parser.head()));
    }
    if (parser.state() == ResponseParser::State::complete) {
      events += fmt::format("message ends at {}: {}\n", took, body);
      check_survives_rewriting(parser.head(), body, head_request);
      check_second_reading(input.substr(begin, took - begin), parser.head(), body, head_request);
      begin = took;
      body.clear();
      parser.reset();
      parser.expect(head_request);
    }
  }
  const auto ended = parser.feed_end();
  if (!ended) return events += fmt::format("{}: {}", to_string(ended.error().code), body);
  ROCKET_ASSERT(!parser.head().keep_alive);
  check_survives_rewriting(parser.head(), body, head_request);
  check_second_reading(input.substr(begin), parser.head(), body, head_request);
  return events += fmt::format("ends with the connection: {}", body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const HttpLimits limits : {HttpLimits{}, small_limits}) {
    for (const bool head_request : {false, true}) {
      const auto read = [&](auto next_piece) {
        return read_all(input, limits, head_request, next_piece);
      };
      const std::string whole = read([size] { return size; });
      ROCKET_ASSERT(whole == read([] { return std::size_t{1}; }));
      Splitter splitter(input);
      ROCKET_ASSERT(whole == read([&splitter] { return splitter.next(); }));
    }
  }
  return 0;
}
