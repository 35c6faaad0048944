#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/assert.h"
#include "wire/fuzz_plain_reader.h"
#include "wire/fuzz_splitter.h"
#include "wire/http_writer.h"
#include "wire/request_parser.h"
#include "wire/target.h"

// Any split of the input gives what the whole gives, a request that is read, written anew and read
// again is the same request, and a plain second reader finds the same in the same bytes.
namespace {

using namespace rocket;

// Small enough to be reached.
constexpr HttpLimits small_limits{.header_bytes = 256, .headers = 6, .target_bytes = 64};

std::string describe(const RequestHead& head) {
  return fmt::format("{} {} {} 1.{} {} {} {} {}\n{}", to_string(head.method), head.method_name,
                     head.target, head.minor_version, head.content_length.value_or(0), head.chunked,
                     head.keep_alive, head.expect_continue,
                     head.headers.lines(0, head.headers.size()));
}

std::string rewrite(const RequestHead& head, std::string_view body) {
  std::string out;
  append_request_line(out, head.method_name, head.target);
  if (!head.headers.find("host")) append_header(out, "Host", "a");
  for (const auto [name, value] : head.headers)
    append_header(out, name, value);
  out += head_end;
  if (!head.chunked) return out.append(body);
  if (!body.empty()) {
    append_chunk_prefix(out, body.size());
    out.append(body).append(chunk_suffix);
  }
  return out.append(last_chunk);
}

void check_survives_rewriting(const RequestHead& head, std::string_view body) {
  const std::string rewritten = rewrite(head, body);
  RequestParser parser({.header_bytes = 1 << 20, .headers = 1000, .target_bytes = 1 << 20});
  std::string again;
  std::size_t took = 0;
  while (parser.state() != RequestParser::State::complete) {
    const auto used = parser.feed(std::string_view(rewritten).substr(took));
    ROCKET_ASSERT(used && *used > 0);
    took += *used;
    for (const std::string_view part : parser.body())
      again += part;
  }
  ROCKET_ASSERT(took == rewritten.size());
  ROCKET_ASSERT(again == body);
  ROCKET_ASSERT(parser.head().method_name == head.method_name);
  ROCKET_ASSERT(parser.head().target == head.target);
  ROCKET_ASSERT(parser.head().content_length == head.content_length);
  const std::size_t added = parser.head().headers.size() - head.headers.size();
  ROCKET_ASSERT(parser.head().headers.lines(added, added + head.headers.size()) ==
                head.headers.lines(0, head.headers.size()));
}

void check_head(const RequestHead& head) {
  ROCKET_ASSERT(head.minor_version == 0 || head.headers.count("host") == 1);
  ROCKET_ASSERT(!(head.chunked && head.content_length));
  for (const auto [name, value] : head.headers) {
    ROCKET_ASSERT(!name.empty() && header_value_ok(name) && header_value_ok(value));
    if (equals_ignoring_case(name, "host")) ROCKET_ASSERT(host_ok(value));
  }
}

void check_second_reading(std::string_view message, const RequestHead& head,
                          std::string_view body) {
  const PlainReader plain(message, PlainReader::Framing::request);
  const std::string_view line = plain.first_line;
  const std::size_t method_end = line.find(' ');
  const std::size_t target_end = line.rfind(' ');
  ROCKET_ASSERT(line.substr(0, method_end) == head.method_name);
  ROCKET_ASSERT(line.substr(target_end) == fmt::format(" HTTP/1.{}", head.minor_version));
  ROCKET_ASSERT(target_end > method_end);
  ROCKET_ASSERT(line.substr(method_end + 1, target_end - method_end - 1) == head.target);
  plain.compare(head.headers, body);
}

// Everything that happens to `input`, requests behind each other included, as one text.
template <class NextPiece>
std::string read_all(std::string_view input, HttpLimits limits, NextPiece next_piece) {
  RequestParser parser(limits);
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
    if (before == RequestParser::State::head && parser.state() != before) {
      check_head(parser.head());
      ROCKET_ASSERT(parser.head().target.size() <= limits.target_bytes);
      ROCKET_ASSERT(parser.head().headers.size() <= limits.headers);
      events += fmt::format("head ends at {}: {}", took, describe(parser.head()));
    }
    if (parser.state() == RequestParser::State::complete) {
      events += fmt::format("message ends at {}: {}\n", took, body);
      check_survives_rewriting(parser.head(), body);
      check_second_reading(input.substr(begin, took - begin), parser.head(), body);
      begin = took;
      body.clear();
      parser.reset();
    }
  }
  return events +=
         fmt::format("left: {} {} {}", static_cast<int>(parser.state()), parser.idle(), body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const HttpLimits limits : {HttpLimits{}, small_limits}) {
    const std::string whole = read_all(input, limits, [size] { return size; });
    ROCKET_ASSERT(whole == read_all(input, limits, [] { return std::size_t{1}; }));
    Splitter splitter(input);
    ROCKET_ASSERT(whole == read_all(input, limits, [&splitter] { return splitter.next(); }));
  }
  return 0;
}
