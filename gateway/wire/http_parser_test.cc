#include "wire/http_parser.h"

#include <gtest/gtest.h>

#include "wire/request_parser.h"
#include "wire/response_parser.h"

// What requests and answers have in common; the rest is in the tests of the two parsers.
namespace rocket {
namespace {

struct Requests {
  using Parser = RequestParser;
  static constexpr const char* head = "POST / HTTP/1.1\r\nHost: a\r\n";
  static constexpr ErrorCode too_large = ErrorCode::head_too_large;
};
struct Answers {
  using Parser = ResponseParser;
  static constexpr const char* head = "HTTP/1.1 200 OK\r\n";
  static constexpr ErrorCode too_large = ErrorCode::upstream_too_large;
};

template <class Message>
class HttpParserTest : public testing::Test {
 protected:
  using State = HttpParser::State;

  // Feeds until everything is consumed or the message is complete; the error that ended it.
  std::optional<ErrorCode> feed(std::string_view data) {
    while (!data.empty() && parser_.state() != State::complete) {
      const auto consumed = parser_.feed(data);
      if (!consumed) return consumed.error().code;
      data.remove_prefix(*consumed);
      for (const std::string_view piece : parser_.body())
        body_ += piece;
    }
    return std::nullopt;
  }

  typename Message::Parser parser_{HttpLimits{.header_bytes = 256, .headers = 4}};
  std::string body_;
};

using Messages = testing::Types<Requests, Answers>;
TYPED_TEST_SUITE(HttpParserTest, Messages);

TYPED_TEST(HttpParserTest, IsIdleUntilTheFirstByte) {
  EXPECT_TRUE(this->parser_.idle());
  EXPECT_EQ(this->feed("\r\n"), std::nullopt);
  EXPECT_TRUE(this->parser_.idle());
  EXPECT_EQ(this->feed(std::string(1, TypeParam::head[0])), std::nullopt);
  EXPECT_FALSE(this->parser_.idle());
  this->parser_.reset();
  EXPECT_TRUE(this->parser_.idle());
}

TYPED_TEST(HttpParserTest, ReadsABodyByLengthAndByChunks) {
  EXPECT_EQ(this->feed(std::string(TypeParam::head) + "Content-Length: 3\r\n\r\nabc"),
            std::nullopt);
  EXPECT_EQ(this->parser_.state(), HttpParser::State::complete);
  EXPECT_EQ(this->body_, "abc");
  this->parser_.reset();
  this->body_.clear();
  EXPECT_EQ(
      this->feed(std::string(TypeParam::head) +
                 "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\n"),
      std::nullopt);
  EXPECT_EQ(this->parser_.state(), HttpParser::State::complete);
  EXPECT_EQ(this->body_, "abc");
}

TYPED_TEST(HttpParserTest, BoundsHeadsAndTrailers) {
  const std::string long_line = "X: " + std::string(300, 'x') + "\r\n";
  EXPECT_EQ(this->feed(std::string(TypeParam::head) + long_line), TypeParam::too_large);
  this->parser_.reset();
  EXPECT_EQ(
      this->feed(std::string(TypeParam::head) + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n"),
      TypeParam::too_large);
  this->parser_.reset();
  EXPECT_EQ(this->feed(std::string(TypeParam::head) + "Transfer-Encoding: chunked\r\n\r\n0\r\n" +
                       long_line + "\r\n"),
            TypeParam::too_large);
}

TYPED_TEST(HttpParserTest, StaysFailedUntilReset) {
  const auto error = this->feed("\x01 nonsense\r\n\r\n");
  ASSERT_TRUE(error);
  EXPECT_EQ(this->feed(TypeParam::head), error);
  this->parser_.reset();
  EXPECT_EQ(this->feed(std::string(TypeParam::head) + "Content-Length: 0\r\n\r\n"), std::nullopt);
  EXPECT_EQ(this->parser_.state(), HttpParser::State::complete);
}

}  // namespace
}  // namespace rocket
