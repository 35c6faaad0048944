#include "wire/response_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

using namespace std::string_literals;
using State = ResponseParser::State;

struct Read {
  State state = State::head;
  ResponseHead head;
  std::string body;
  std::size_t took = 0;
  std::optional<Error> error;
};

struct How {
  std::size_t piece = 1;
  bool head_request = false;
  bool closes = false;  // after the input
  HttpLimits limits = {};
};

Read read(std::string_view input, const How& how) {
  ResponseParser parser(how.limits);
  parser.expect(how.head_request);
  Read read;
  while (read.took < input.size() && parser.state() != State::complete) {
    const auto used = parser.feed(input.substr(read.took, how.piece));
    if (!used) {
      read.error = used.error();
      return read;
    }
    for (const std::string_view part : parser.body())
      read.body += part;
    read.took += *used;
  }
  if (how.closes) {
    if (const auto ended = parser.feed_end(); !ended) read.error = ended.error();
  }
  read.state = parser.state();
  read.head = parser.take_head();
  return read;
}

constexpr std::size_t pieces[] = {1, 2, 7, 100'000};

std::string ok(std::string_view rest) {
  return "HTTP/1.1 200 OK\r\n" + std::string(rest);
}
std::string chunked(std::string_view body) {
  return ok("Transfer-Encoding: chunked\r\n\r\n") + std::string(body);
}

TEST(ResponseParser, Accepts) {
  const struct {
    const char* name;
    std::string input;
    int status = 200;
    std::string_view body = {};
    bool keep_alive = true;
    bool head_request = false;
    bool closes = false;
    std::size_t left = 0;
  } cases[] = {
      {"sized", ok("Content-Length: 2\r\n\r\nok"), 200, "ok"},
      {"more than the size", ok("Content-Length: 2\r\n\r\nokmore"), 200, "ok", true, false, false,
       4},
      {"empty", ok("Content-Length: 0\r\n\r\n")},
      {"chunked", chunked("2;x=y\r\nok\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n"), 200, "ok!"},
      {"until the connection closes", ok("\r\nbody"), 200, "body", false, false, true},
      {"nothing until the connection closes", ok("\r\n"), 200, "", false, false, true},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nbody", 200, "body", false, false, true},
      {"HTTP/1.0 kept alive",
       "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
      {"closing", ok("Connection: close\r\nContent-Length: 1\r\n\r\nx"), 200, "x", false},
      {"closed after the end", ok("Content-Length: 2\r\n\r\nok"), 200, "ok", true, false, true},
      {"HEAD, sized", ok("Content-Length: 2\r\n\r\nok"), 200, "", true, true, false, 2},
      {"HEAD, chunked", chunked(""), 200, "", true, true},
      {"HEAD, neither", ok("\r\n"), 200, "", true, true},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", 204},
      {"304 with a size", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 304},
      {"no reason phrase", "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503},
      {"unusual status", "HTTP/1.1 529 \r\nContent-Length: 0\r\n\r\n", 529},
      {"interim answers",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 199 What\r\nContent-Length: 9\r\n\r\n" +
           ok("Content-Length: 2\r\n\r\nok"),
       200, "ok"},
      {"Upgrade offered", ok("Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx"),
       200, "x"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : pieces) {
      const Read got = read(c.input, {piece, c.head_request, c.closes});
      ASSERT_FALSE(got.error) << got.error->detail;
      EXPECT_EQ(got.state, State::complete);
      EXPECT_EQ(got.head.status, c.status);
      EXPECT_EQ(got.body, c.body);
      EXPECT_EQ(got.head.keep_alive, c.keep_alive);
      EXPECT_EQ(c.input.size() - got.took, c.left);
      EXPECT_FALSE(got.head.headers.find("link"));
    }
  }
}

TEST(ResponseParser, KeepsTheHead) {
  const Read got =
      read(ok("Server: x \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 3\r\n\r\n"),
           {.piece = 3});
  EXPECT_EQ(got.state, State::body);
  EXPECT_EQ(got.head.headers.lines(0, 3), "Server: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n");
  EXPECT_EQ(got.head.content_length, 3U);
  EXPECT_EQ(got.head.minor_version, 1);
  EXPECT_FALSE(got.head.chunked);
}

TEST(ResponseParser, Refuses) {
  using enum ErrorCode;
  std::string interim_flood;
  for (int i = 0; i < 11; ++i)
    interim_flood += "HTTP/1.1 100 Continue\r\n\r\n";
  const struct {
    const char* name;
    std::string input;
    const char* named;
  } cases[] = {
      {"two Content-Lengths", ok("Content-Length: 2\r\nContent-Length: 3\r\n\r\n"), "Duplicate"},
      {"two equal Content-Lengths", ok("Content-Length: 2\r\nContent-Length: 2\r\n\r\n"),
       "Duplicate"},
      {"Content-Length, then chunked",
       ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"), "with Content-Length"},
      {"chunked, then Content-Length",
       ok("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"), "with Transfer-Encoding"},
      {"gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n\r\n"), "is not chunked"},
      {"chunked, gzip", ok("Transfer-Encoding: chunked, gzip\r\n\r\n"), "is not chunked"},
      {"gzip", ok("Transfer-Encoding: gzip\r\n\r\n"), "is not chunked"},
      {"two Transfer-Encodings",
       ok("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), "more than one"},
      {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"},
      {"NUL in a value", ok("X: a\0b\r\n\r\n"s), "header value char"},
      {"NUL in the reason phrase", "HTTP/1.1 200 O\0K\r\n\r\n"s, "reason phrase"},
      {"bare LF splits a header", ok("X: a\nY: b\r\n\r\n"), "Missing expected CR"},
      {"bare LF after the status", "HTTP/1.1 200 OK\nX: a\r\n\r\n", "Missing expected CR"},
      {"folded line", ok("X: a\r\n b\r\n\r\n"), "whitespace"},
      {"bad chunk size", chunked("zz\r\n"), "chunk size"},
      {"overflowing chunk size", chunked("fffffffffffffffff\r\n"), "overflow"},
      {"junk after a chunk", chunked("1\r\nabc"), "after chunk data"},
      {"HTTP/0.9", "hello", "Expected HTTP/"},
      {"HTTP/0.9, said", "HTTP/0.9 200 OK\r\n\r\n", "neither"},
      {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", "neither"},
      {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", "version"},
      {"RTSP", "RTSP/1.0 200 OK\r\n\r\n", "Expected HTTP/"},
      {"a request", "GET / HTTP/1.1\r\n\r\n", "Expected HTTP/"},
      {"status 999", "HTTP/1.1 999 What\r\n\r\n", "status 999"},
      {"status 600", "HTTP/1.1 600 What\r\n\r\n", "status 600"},
      {"status 099", "HTTP/1.1 099 What\r\n\r\n", "status 99"},
      {"status 20", "HTTP/1.1 20 OK\r\n\r\n", "status"},
      {"status 2000", "HTTP/1.1 2000 OK\r\n\r\n", "status"},
      {"upgrade", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
       "upgrade"},
      {"a flood of interim answers", interim_flood + ok("\r\n"), "interim"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : pieces) {
      const Read got = read(c.input, {.piece = piece});
      ASSERT_TRUE(got.error);
      EXPECT_EQ(to_string(got.error->code), to_string(upstream_garbage));
      EXPECT_NE(got.error->detail.find(c.named), std::string::npos) << got.error->detail;
    }
  }
}

TEST(ResponseParser, ClosedTooEarly) {
  const struct {
    const char* name;
    std::string input;
    const char* named;
  } cases[] = {
      {"before anything", "", "before it answered"},
      {"inside the start line", "HTTP/1.1 2", "inside the head"},
      {"inside the head", ok("X: y"), "inside the head"},
      {"after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", "inside the head"},
      {"inside a sized body", ok("Content-Length: 3\r\n\r\nok"), "inside the body"},
      {"inside a chunk", chunked("3\r\nok"), "inside the body"},
      {"before the last chunk", chunked("2\r\nok\r\n"), "inside the body"},
      {"before the last line", chunked("2\r\nok\r\n0\r\n"), "inside the body"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : pieces) {
      const Read got = read(c.input, {.piece = piece, .closes = true});
      ASSERT_TRUE(got.error);
      EXPECT_EQ(to_string(got.error->code), to_string(ErrorCode::upstream_closed));
      EXPECT_NE(got.error->detail.find(c.named), std::string::npos) << got.error->detail;
    }
  }
}

TEST(ResponseParser, Limits) {
  const HttpLimits limits{.header_bytes = 200, .headers = 3};
  const std::string interim = "HTTP/1.1 100 Continue\r\nX: " + std::string(60, 'x') + "\r\n\r\n";
  const struct {
    const char* name;
    std::string input;
  } cases[] = {
      {"an endless value", ok("X: " + std::string(10'000, 'x'))},
      {"an endless reason phrase", "HTTP/1.1 200 " + std::string(10'000, 'x')},
      {"endless lines", ok("A: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n")},
      {"interim answers that are too large together", interim + interim + interim},
      {"an endless chunk extension", chunked("1;" + std::string(10'000, 'x'))},
      {"an endless trailer", chunked("0\r\nX: " + std::string(10'000, 'x'))},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : pieces) {
      const Read got = read(c.input, {.piece = piece, .limits = limits});
      ASSERT_TRUE(got.error);
      EXPECT_EQ(to_string(got.error->code), to_string(ErrorCode::upstream_too_large));
    }
  }
}

TEST(ResponseParser, ReadsTheNextAnswerAfterReset) {
  ResponseParser parser(HttpLimits{});
  parser.expect(true);
  const std::string first = ok("Content-Length: 2\r\n\r\n");
  ASSERT_EQ(parser.feed(first), first.size());
  ASSERT_EQ(parser.state(), State::complete);

  parser.reset();
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.feed(first), first.size());
  EXPECT_EQ(parser.state(), State::body);
  ASSERT_EQ(parser.feed("okHTTP/1.1"), 2U);
  EXPECT_EQ(parser.state(), State::complete);
}

}  // namespace
}  // namespace rocket
