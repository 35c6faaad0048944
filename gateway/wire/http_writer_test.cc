#include "wire/http_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace rocket {
namespace {

using namespace std::string_view_literals;

TEST(HttpWriter, WritesARequest) {
  std::string out = "before|";
  append_request_line(out, "POST", "/v1/models?x=1");
  append_header(out, "Host", "a:1");
  append_header(out, "X-Empty", "");
  out += head_end;
  EXPECT_EQ(out, "before|POST /v1/models?x=1 HTTP/1.1\r\nHost: a:1\r\nX-Empty: \r\n\r\n");
}

TEST(HttpWriter, StatusLines) {
  const struct {
    int status;
    const char* line;
  } cases[] = {
      {100, "HTTP/1.1 100 Continue\r\n"},
      {200, "HTTP/1.1 200 OK\r\n"},
      {429, "HTTP/1.1 429 Too Many Requests\r\n"},
      {511, "HTTP/1.1 511 Network Authentication Required\r\n"},
      {529, "HTTP/1.1 529 \r\n"},
      {599, "HTTP/1.1 599 \r\n"},
  };
  for (const auto& c : cases) {
    std::string out;
    append_status_line(out, c.status);
    EXPECT_EQ(out, c.line);
  }
}

TEST(HttpWriter, ChunkPrefixes) {
  const struct {
    std::size_t size;
    const char* prefix;
  } cases[] = {
      {1, "1\r\n"},
      {26, "1a\r\n"},
      {0x10000, "10000\r\n"},
      {std::numeric_limits<std::uint64_t>::max(), "ffffffffffffffff\r\n"},
  };
  for (const auto& c : cases) {
    std::string out;
    append_chunk_prefix(out, c.size);
    EXPECT_EQ(out, c.prefix);
  }
}

TEST(HttpWriter, ValuesThatCouldEndALineAreNotOk) {
  EXPECT_TRUE(header_value_ok(""));
  EXPECT_TRUE(header_value_ok("a b\t\xc3\xa4"));
  EXPECT_FALSE(header_value_ok("a\r"));
  EXPECT_FALSE(header_value_ok("\na"));
  EXPECT_FALSE(header_value_ok("a\0b"sv));
}

TEST(HttpWriter, FindsWhatCouldEndALineInEveryPlace) {
  for (std::size_t size = 0; size < 20; ++size) {
    std::string value(size, 'a');
    EXPECT_TRUE(header_value_ok(value)) << size;
    for (std::size_t at = 0; at < size; ++at) {
      for (const char bad : {'\r', '\n', '\0'}) {
        value[at] = bad;
        EXPECT_FALSE(header_value_ok(value)) << size << ' ' << at;
      }
      // A tab and what is not ASCII may stand in a value.
      for (const char good : {'\t', '\x7F', '\x80', '\xFF'}) {
        value[at] = good;
        EXPECT_TRUE(header_value_ok(value)) << size << ' ' << at;
      }
      value[at] = 'a';
    }
  }
}

TEST(HttpWriterDeathTest, RefusesToWriteWhatCouldEndALine) {
  std::string out;
  EXPECT_DEATH(append_header(out, "a", "b\r\nEvil: 1"), "header_value_ok");
  EXPECT_DEATH(append_header(out, "a\n", "b"), "header_name_ok");
  EXPECT_DEATH(append_header(out, "a:b", "c"), "header_name_ok");
  EXPECT_DEATH(append_request_line(out, "GET", "/ HTTP/1.1\r\n"), "contains");
  EXPECT_DEATH(append_request_line(out, "", "/"), "empty");
  EXPECT_DEATH(append_status_line(out, 999), "status");
  EXPECT_DEATH(append_chunk_prefix(out, 0), "size");
}

}  // namespace
}  // namespace rocket
