#include "wire/request_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace rocket {
namespace {

using namespace std::string_literals;
using State = RequestParser::State;

struct Read {
  State state = State::head;
  RequestHead head;
  std::string body;
  std::size_t took = 0;
  std::optional<Error> error;
};

// Feeds one request in pieces of `piece` bytes.
Read read(std::string_view input, std::size_t piece, HttpLimits limits = {}) {
  RequestParser parser(limits);
  Read read;
  while (read.took < input.size() && parser.state() != State::complete) {
    const auto used = parser.feed(input.substr(read.took, piece));
    if (!used) {
      read.error = used.error();
      return read;
    }
    for (const std::string_view part : parser.body())
      read.body += part;
    read.took += *used;
  }
  read.state = parser.state();
  read.head = parser.take_head();
  return read;
}

constexpr std::size_t pieces[] = {1, 2, 7, 100'000};

std::string with_host(std::string_view lines) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(lines);
}
std::string chunked(std::string_view body) {
  return with_host("Transfer-Encoding: chunked\r\n\r\n") + std::string(body);
}

TEST(RequestParser, ReadsAWholeRequest) {
  const std::string input =
      "\r\nPOST /v1/chat/completions?a=b HTTP/1.1\r\nHost: a.example:8000\r\nX-Thing:  some value "
      "\t"
      "\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n";
  for (const std::size_t piece : pieces) {
    const Read got = read(input, piece);
    ASSERT_FALSE(got.error) << got.error->detail;
    EXPECT_EQ(got.state, State::complete);
    EXPECT_EQ(input.substr(got.took), "GET / HTTP/1.1\r\n");
    EXPECT_EQ(got.body, "hello");
    EXPECT_EQ(got.head.method, Method::post);
    EXPECT_EQ(got.head.method_name, "POST");
    EXPECT_EQ(got.head.target, "/v1/chat/completions?a=b");
    EXPECT_EQ(got.head.minor_version, 1);
    EXPECT_EQ(got.head.headers.lines(0, got.head.headers.size()),
              "Host: a.example:8000\r\nX-Thing: some value\r\nContent-Length: 5\r\n");
    EXPECT_EQ(got.head.content_length, 5U);
    EXPECT_FALSE(got.head.chunked);
    EXPECT_TRUE(got.head.keep_alive);
    EXPECT_FALSE(got.head.expect_continue);
  }
}

TEST(RequestParser, ReadsChunksAndDropsTheirFraming) {
  const std::string input =
      chunked("5;a=b;c=\"d\\\"e\"\r\nhello\r\n00001\r\n!\r\n0\r\nX-Trailer: y\r\n\r\nrest");
  for (const std::size_t piece : pieces) {
    const Read got = read(input, piece);
    ASSERT_FALSE(got.error) << got.error->detail;
    EXPECT_EQ(got.state, State::complete);
    EXPECT_EQ(input.substr(got.took), "rest");
    EXPECT_EQ(got.body, "hello!");
    EXPECT_TRUE(got.head.chunked);
    EXPECT_EQ(got.head.content_length, std::nullopt);
    EXPECT_EQ(got.head.headers.find("x-trailer"), std::nullopt);
  }
}

TEST(RequestParser, StopsBehindTheHeadAndTheBodyIsAViewOfTheInput) {
  RequestParser parser(HttpLimits{});
  const std::string input = with_host("Content-Length: 5\r\n\r\nhello");
  const auto head = parser.feed(input);
  ASSERT_TRUE(head);
  EXPECT_EQ(*head, input.size() - 5);
  EXPECT_EQ(parser.state(), State::body);
  EXPECT_TRUE(parser.body().empty());

  ASSERT_EQ(parser.feed(std::string_view(input).substr(*head, 2)), 2U);
  EXPECT_EQ(parser.state(), State::body);
  ASSERT_EQ(parser.feed(std::string_view(input).substr(*head + 2)), 3U);
  EXPECT_EQ(parser.state(), State::complete);
  ASSERT_EQ(parser.body().size(), 1U);
  EXPECT_EQ(parser.body()[0].data(), input.data() + *head + 2);

  EXPECT_EQ(parser.feed("more"), 0U);
  EXPECT_TRUE(parser.body().empty());
}

TEST(RequestParser, ReadsTheNextMessageAfterReset) {
  RequestParser parser(HttpLimits{});
  const std::string input = chunked("1\r\nx\r\n0\r\n\r\n") + "GET /y HTTP/1.0\r\n\r\n";
  std::string_view rest = input;
  rest.remove_prefix(*parser.feed(rest));
  rest.remove_prefix(*parser.feed(rest));
  ASSERT_EQ(parser.state(), State::complete);
  EXPECT_FALSE(parser.idle());

  parser.reset();
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.state(), State::head);
  EXPECT_EQ(parser.feed(rest), rest.size());
  EXPECT_EQ(parser.state(), State::complete);
  EXPECT_EQ(parser.head().target, "/y");
  EXPECT_TRUE(parser.head().headers.empty());
  EXPECT_FALSE(parser.head().keep_alive);
}

TEST(RequestParser, IsIdleUntilTheFirstByteOfAMessage) {
  RequestParser parser(HttpLimits{});
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.feed("\r\n\r\n"), 4U);
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.feed("G"), 1U);
  EXPECT_FALSE(parser.idle());
}

TEST(RequestParser, CanMoveInTheMiddleOfAMessage) {
  const std::string input = with_host("X-Thing: value\r\n\r\n");
  RequestParser first(HttpLimits{});
  ASSERT_TRUE(first.feed(std::string_view(input).substr(0, 30)));
  RequestParser second = std::move(first);
  ASSERT_TRUE(second.feed(std::string_view(input).substr(30)));
  EXPECT_EQ(second.head().headers.find("x-thing"), "value");
}

TEST(RequestParser, AnErrorStaysUntilReset) {
  RequestParser parser(HttpLimits{});
  ASSERT_FALSE(parser.feed("nonsense\r\n"));
  const auto again = parser.feed("GET / HTTP/1.0\r\n\r\n");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::bad_request);
  parser.reset();
  EXPECT_TRUE(parser.feed("GET / HTTP/1.0\r\n\r\n"));
}

TEST(RequestParser, Accepts) {
  const struct {
    const char* name;
    std::string input;
    Method method = Method::post;
    bool keep_alive = true;
    bool expect_continue = false;
    std::string_view body = {};
  } cases[] = {
      {"no body", with_host("\r\n")},
      {"empty body", with_host("Content-Length: 0\r\n\r\n")},
      {"empty chunked body", chunked("0\r\n\r\n")},
      {"chunked in capitals", with_host("transfer-encoding: CHUNKED \r\n\r\n0\r\n\r\n")},
      {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", Method::get, false},
      {"HTTP/1.0 kept alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Method::get},
      {"HTTP/1.0 of two minds", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
       Method::get, false},
      {"closing", with_host("Connection: Close\r\n\r\n"), Method::post, false},
      {"Expect", with_host("Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"), Method::post,
       true, true, "x"},
      {"Expect in HTTP/1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", Method::post, false,
       false},
      {"identity", with_host("Content-Encoding: Identity\r\nContent-Length: 1\r\n\r\nx"),
       Method::post, true, false, "x"},
      {"Upgrade is a request as any other",
       with_host("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx"),
       Method::post, true, false, "x"},
      {"CONNECT is a request as any other",
       "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 1\r\n\r\nx", Method::other, true,
       false, "x"},
      {"HTTP/2 offered", with_host("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")},
      {"another method", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", Method::other},
      {"DELETE", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", Method::del},
      {"bytes beyond ASCII in a value", with_host("X: \x80\xff\r\n\r\n")},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : pieces) {
      const Read got = read(c.input, piece);
      ASSERT_FALSE(got.error) << got.error->detail;
      EXPECT_EQ(got.state, State::complete);
      EXPECT_EQ(got.took, c.input.size());
      EXPECT_EQ(got.head.method, c.method);
      EXPECT_EQ(got.head.keep_alive, c.keep_alive);
      EXPECT_EQ(got.head.expect_continue, c.expect_continue);
      EXPECT_EQ(got.body, c.body);
    }
  }
}

// Whether llhttp knows it or not, or only how it begins.
TEST(RequestParser, AMethodThatNobodyKnowsIsAnother) {
  for (const std::string name :
       {"BREW", "get", "G", "GETX", "PO", "POSTS", "MKCOLS", "M-SEARCHES", "x-Y_z.1~!#$%&'*+-.^`|",
        "PLAY", "GET_PARAMETER", "SOURCE", "PROPFIND", "PRIX"}) {
    SCOPED_TRACE(name);
    const std::string input = "\r\n" + name +
                              " /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + name +
                              " /y HTTP/1.1\r\n";
    for (const std::size_t piece : pieces) {
      const Read got = read(input, piece);
      ASSERT_FALSE(got.error) << got.error->detail;
      EXPECT_EQ(got.state, State::complete);
      EXPECT_EQ(input.substr(got.took), name + " /y HTTP/1.1\r\n");
      EXPECT_EQ(got.head.method, Method::other);
      EXPECT_EQ(got.head.method_name, name);
      EXPECT_EQ(got.head.target, "/x");
      EXPECT_EQ(got.body, "hello");
    }
  }
}

TEST(RequestParser, Refuses) {
  using enum ErrorCode;
  const struct {
    const char* name;
    std::string input;
    ErrorCode code;
    const char* named;
  } cases[] = {
      // Two ways to tell where the body ends.
      {"Content-Length, then chunked",
       with_host("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), bad_request,
       "can't be present with Content-Length"},
      {"chunked, then Content-Length",
       with_host("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), bad_request,
       "can't be present with Transfer-Encoding"},
      {"two Content-Lengths", with_host("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
       bad_request, "Duplicate Content-Length"},
      {"two equal Content-Lengths", with_host("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
       bad_request, "Duplicate Content-Length"},
      {"a list of Content-Lengths", with_host("Content-Length: 3, 3\r\n\r\nabc"), bad_request,
       "Content-Length"},
      {"signed Content-Length", with_host("Content-Length: +33\r\n\r\n"), bad_request,
       "Content-Length"},
      {"huge Content-Length", with_host("Content-Length: 18446744073709551616\r\n\r\n"),
       bad_request, "Content-Length overflow"},
      {"empty Content-Length", with_host("Content-Length:\r\n\r\n"), bad_request,
       "Empty Content-Length"},
      // Transfer-Encoding.
      {"xchunked", with_host("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), bad_request,
       "does not end in chunked"},
      {"chunked, identity", with_host("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
       bad_request, "Transfer-Encoding"},
      {"gzip, chunked", with_host("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
       unsupported_encoding, "only be chunked"},
      {"gzip alone", with_host("Transfer-Encoding: gzip\r\n\r\n"), bad_request,
       "does not end in chunked"},
      {"chunked twice",
       with_host("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
       bad_request, "Transfer-Encoding"},
      {"chunked over two lines", with_host("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
       bad_request, "malformed"},
      {"vertical tab before chunked", with_host("Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
       bad_request, "header value char"},
      {"empty Transfer-Encoding", with_host("Transfer-Encoding:\r\n\r\n"), bad_request,
       "Empty Transfer-Encoding"},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       bad_request, "HTTP/1.0"},
      // Chunks.
      {"0x chunk size", chunked("0x1\r\na\r\n0\r\n\r\n"), bad_request, "chunk size"},
      {"junk after a chunk", chunked("1\r\nabc\r\n0\r\n\r\n"), bad_request, "after chunk data"},
      {"chunk size overflow", chunked("10000000000000000\r\n"), bad_request, "overflow"},
      {"negative chunk size", chunked("-1\r\n"), bad_request, "chunk size"},
      {"space after the chunk size", chunked("1 \r\na\r\n0\r\n\r\n"), bad_request, "chunk size"},
      {"chunk extension ended by a bare LF", chunked("1;a\na\r\n0\r\n\r\n"), bad_request,
       "chunk extension"},
      {"chunk size ended by a bare LF", chunked("1\na\r\n0\r\n\r\n"), bad_request, "chunk size"},
      {"chunk ended by a bare LF", chunked("1\r\na\n0\r\n\r\n"), bad_request, "after chunk data"},
      {"trailer with a space before its colon", chunked("0\r\nX : y\r\n\r\n"), bad_request,
       "header token"},
      {"trailer that would name the host", chunked("0\r\nHost: b\r\n\r\n"), bad_request,
       "Host may not be a trailer"},
      {"trailer that would show a key", chunked("0\r\nX-A: b\r\nAUTHORIZATION: b\r\n\r\n"),
       bad_request, "AUTHORIZATION may not be a trailer"},
      {"trailer that would name an encoding", chunked("0\r\ncontent-encoding: gzip\r\n\r\n"),
       bad_request, "content-encoding may not be a trailer"},
      {"trailer that would change the framing", chunked("0\r\nContent-Length: 3\r\n\r\n"),
       bad_request, "Content-Length"},
      // Header lines.
      {"space before the colon", with_host("X : y\r\n\r\n"), bad_request, "header token"},
      {"no colon", with_host("X\r\n\r\n"), bad_request, "header token"},
      {"no name", with_host(": y\r\n\r\n"), bad_request, "header token"},
      {"folded line", with_host("X: y\r\n z\r\n\r\n"), bad_request, "whitespace"},
      {"space before the first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", bad_request, "space"},
      {"bare LF in the head", with_host("X: y\nZ: z\r\n\r\n"), bad_request, "Missing expected CR"},
      {"bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", bad_request, "malformed"},
      {"bare CR", with_host("X: y\rZ: z\r\n\r\n"), bad_request, "Missing expected LF"},
      {"NUL in a value", with_host("X: a\0b\r\n\r\n"s), bad_request, "header value char"},
      {"control character in a value", with_host("X: a\x01\r\n\r\n"), bad_request,
       "header value char"},
      // The start line.
      {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "more than one space"},
      {"two spaces behind the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "more than one space"},
      {"a tab before the target", "GET \t/ HTTP/1.1\r\nHost: a\r\n\r\n", bad_request, "malformed"},
      {"a method of other letters", "G\xc3\x89T / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "begin with a method"},
      {"a method in quotes", "\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "begin with a method"},
      {"a space in front", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "begin with a method"},
      {"a tab behind a method", "BREW\t/ HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "begin with a method"},
      {"nothing behind a method", "BREW\r\nHost: a\r\n\r\n", bad_request, "begin with a method"},
      {"a long method", std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "begin with a method"},
      {"two spaces behind an unknown method", "BREW  / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request,
       "more than one space"},
      {"words", "hello world\r\n", bad_request, "malformed"},
      {"an unknown method of HTTP/2.0", "BREW / HTTP/2.0\r\nHost: a\r\n\r\n", unsupported_version,
       "only HTTP/1.1"},
      {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", bad_request, "begin with a method"},
      {"TLS", "\x16\x03\x01\x02", bad_request, "begin with a method"},
      {"RTSP's method", "PLAY / RTSP/1.0\r\nHost: a\r\n\r\n", bad_request, "Expected HTTP/"},
      {"RTSP", "OPTIONS * RTSP/1.0\r\nHost: a\r\n\r\n", bad_request, "Expected HTTP/"},
      {"ICE", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", bad_request, "Expected HTTP/"},
      {"HTTP/0.9", "GET /\r\n\r\n", unsupported_version, "only HTTP/1.1"},
      {"HTTP/0.9, said", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", unsupported_version, "only HTTP/1.1"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", unsupported_version, "only HTTP/1.1"},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", unsupported_version, "only HTTP/1.1"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", unsupported_version, "only HTTP/1.1"},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", bad_request, "malformed"},
      {"tab before the version", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", bad_request, "url"},
      // Host.
      {"no Host", "GET / HTTP/1.1\r\n\r\n", bad_request, "no Host"},
      {"two Hosts", with_host("Host: a\r\n\r\n"), bad_request, "more than one Host"},
      {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n", bad_request,
       "more than one Host"},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", bad_request, "not a host"},
      {"Host with a query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", bad_request, "not a host"},
      {"Host with a fragment", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", bad_request, "not a host"},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", bad_request, "not a host"},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", bad_request, "not a host"},
      {"Host with a backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", bad_request, "not a host"},
      {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", bad_request, "not a host"},
      {"bad Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", bad_request, "not a host"},
      // What we do not do.
      {"another Expect", with_host("Expect: 200-ok\r\n\r\n"), expectation_failed, "100-continue"},
      {"two Expects", with_host("Expect: 100-continue\r\nExpect: x\r\n\r\n"), expectation_failed,
       "100-continue"},
      {"gzip", with_host("Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
       unsupported_encoding, "Content-Encoding"},
      {"identity, gzip", with_host("Content-Encoding: identity, gzip\r\n\r\n"),
       unsupported_encoding, "Content-Encoding"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : pieces) {
      const Read got = read(c.input, piece);
      ASSERT_TRUE(got.error);
      EXPECT_EQ(to_string(got.error->code), to_string(c.code));
      EXPECT_NE(got.error->detail.find(c.named), std::string::npos) << got.error->detail;
    }
  }
}

TEST(RequestParser, Limits) {
  using enum ErrorCode;
  const HttpLimits limits{.header_bytes = 200, .headers = 3, .target_bytes = 50};
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  const std::string filled = start + "X: " + std::string(200 - start.size() - 7, 'x') + "\r\n\r\n";
  const auto target = [](std::size_t size) {
    return "GET /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  const struct {
    const char* name;
    std::string input;
    std::optional<ErrorCode> code;
  } cases[] = {
      {"the largest head", filled, std::nullopt},
      {"one byte more", start + "Y" + filled.substr(start.size()), head_too_large},
      {"an endless value", start + "X: " + std::string(10'000, 'x'), head_too_large},
      {"an endless name", start + std::string(10'000, 'x'), head_too_large},
      {"endless white space", start + "X:" + std::string(10'000, ' '), head_too_large},
      {"endless empty lines", std::string(10'000, '\n'), head_too_large},
      {"as many lines as may be", start + "A: b\r\nA: b\r\n\r\n", std::nullopt},
      {"one line more", start + "A: b\r\nA: b\r\nA: b\r\n\r\n", head_too_large},
      {"the longest target", target(50), std::nullopt},
      {"one byte more", target(51), target_too_long},
      {"an endless target", target(10'000), target_too_long},
      {"an endless gap", "GET " + std::string(10'000, ' '), target_too_long},
      {"many small chunks",
       start + "Transfer-Encoding: chunked\r\n\r\n" +
           [] {
             std::string chunks;
             for (int i = 0; i < 1000; ++i)
               chunks += "1\r\nx\r\n";
             return chunks + "0\r\n\r\n";
           }(),
       std::nullopt},
      {"an endless chunk extension",
       start + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(10'000, 'x'), head_too_large},
      {"an endless chunk size",
       start + "Transfer-Encoding: chunked\r\n\r\n" + std::string(10'000, '0'), head_too_large},
      {"as many trailers as may be",
       start + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", std::nullopt},
      {"one trailer more",
       start + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n",
       head_too_large},
      {"endless trailers",
       start + "Transfer-Encoding: chunked\r\n\r\n0\r\n" +
           [] {
             std::string trailers;
             for (int i = 0; i < 1000; ++i)
               trailers += "A: b\r\n";
             return trailers;
           }(),
       head_too_large},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : pieces) {
      const Read got = read(c.input, piece, limits);
      if (c.code) {
        ASSERT_TRUE(got.error);
        EXPECT_EQ(to_string(got.error->code), to_string(*c.code)) << got.error->detail;
      } else {
        EXPECT_FALSE(got.error) << got.error->detail;
        EXPECT_EQ(got.state, State::complete);
      }
    }
  }
}

TEST(RequestParser, KeepsNoTrailer) {
  const std::string large(100'000, 'a');
  for (const std::size_t piece : pieces) {
    RequestParser parser({});
    const std::string input = chunked("186a0\r\n" + large + "\r\n0\r\n" + large);
    std::string_view rest = input;
    while (!rest.empty()) {
      const auto used = parser.feed(rest.substr(0, piece));
      ASSERT_TRUE(used);
      rest.remove_prefix(*used);
    }
    EXPECT_LE(parser.memory(), 4096U);
  }
}

TEST(RequestParser, HoldsNothingOfABodyThatHasBeenLookedAt) {
  std::string tiny;
  for (int i = 0; i < 5000; ++i)
    tiny += "1\r\nx\r\n";
  for (const bool whole : {false, true}) {
    RequestParser parser({});
    const std::string input = chunked(tiny + (whole ? "0\r\n\r\n" : ""));
    const auto head = parser.feed(input);
    ASSERT_TRUE(head);
    ASSERT_TRUE(parser.feed(std::string_view(input).substr(*head)));
    EXPECT_EQ(parser.body().size(), 5000U);
    if (whole) {
      parser.reset();
    } else {
      parser.drop_body();
    }
    EXPECT_LE(parser.memory(), 4096U);
  }
}

TEST(RequestParser, ALargeBodyPassesWhateverTheHeadLimit) {
  const HttpLimits limits{.header_bytes = 100, .headers = 3, .target_bytes = 50};
  const std::string body(1'000'000, 'x');
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{5'000'000}}) {
    const Read sized = read(with_host("Content-Length: 1000000\r\n\r\n") + body, piece, limits);
    ASSERT_FALSE(sized.error) << sized.error->detail;
    EXPECT_EQ(sized.body, body);
    const Read in_chunks = read(chunked("f4240\r\n" + body + "\r\n0\r\n\r\n"), piece, limits);
    ASSERT_FALSE(in_chunks.error) << in_chunks.error->detail;
    EXPECT_EQ(in_chunks.body, body);
  }
}

}  // namespace
}  // namespace rocket
