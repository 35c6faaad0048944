#include "wire/target.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace rocket {
namespace {

TEST(Target, DecodesASegmentThatIsAName) {
  EXPECT_EQ(percent_decoded("org%2Fmodel"), "org/model");
  EXPECT_EQ(percent_decoded("qwen2.5:0.5b"), "qwen2.5:0.5b");
  EXPECT_EQ(percent_decoded("a%2"), std::nullopt);
  EXPECT_EQ(percent_decoded("a%zz"), std::nullopt);
  EXPECT_EQ(percent_decoded("a%00"), std::nullopt);
  EXPECT_EQ(percent_decoded("a%0a"), std::nullopt);
}

TEST(Target, FindsWhatAQuerySays) {
  const struct {
    std::string_view query;
    std::optional<std::string> limit;
  } cases[] = {
      {"", std::nullopt},
      {"limit", ""},
      {"limit=", ""},
      {"limit=20", "20"},
      {"order=asc&limit=20&limit=3", "20"},
      {"limits=1&a&&limit=a%2Fb", "a/b"},
      {"limit=%zz", "%zz"},
      {"xlimit=1", std::nullopt},
  };
  for (const auto& c : cases)
    EXPECT_EQ(query_value(c.query, "limit"), c.limit) << c.query;
}

TEST(Target, IsWhatFollowsTheHostOfAnAbsoluteUrl) {
  const struct {
    std::string_view received;
    std::optional<std::string_view> origin;
  } cases[] = {
      {"/v1/models/a", "/v1/models/a"},
      {"/v1/models/http://a/b", "/v1/models/http://a/b"},
      {"http://h/v1/models/org%2Fa?b#c", "/v1/models/org%2Fa?b#c"},
      {"HTTPS://h:1", ""},
      {"http://h?b", "?b"},
      {"*", "*"},
      {"h:443", "h:443"},
      {"ftp://h/", std::nullopt},
      {"http://u@h/", std::nullopt},
      {"http:///", std::nullopt},
  };
  for (const auto& c : cases) {
    const auto origin = origin_form(c.received);
    ASSERT_EQ(origin.has_value(), c.origin.has_value()) << c.received;
    if (origin) EXPECT_EQ(*origin, *c.origin) << c.received;
  }
}

using namespace std::string_view_literals;

TEST(Target, HasOneFormForOneMeaning) {
  const struct {
    std::string_view received;
    const char* path;
    const char* query;
  } cases[] = {
      {"/", "/", ""},
      {"/v1/models", "/v1/models", ""},
      {"/v1/models/", "/v1/models/", ""},
      {"/v1/models?", "/v1/models", ""},
      {"/v1/models?a=b?c/d&e[]=%2F%00", "/v1/models", "a=b?c/d&e[]=%2F%00"},
      {"/%76%31/%6d%6F%64els", "/v1/models", ""},
      {"/v1/models/llama3%3A8b%2dq4%5F0%7e", "/v1/models/llama3:8b-q4_0~", ""},
      {"/v1/models/a...b/..c/d..", "/v1/models/a...b/..c/d..", ""},
      {"/$&'()*+,=:@!", "/$&'()*+,=:@!", ""},
      {"http://a", "/", ""},
      {"http://a?b", "/", "b"},
      {"http://a/", "/", ""},
      {"HTTPS://a.example:443/v1/models?b", "/v1/models", "b"},
      {"http://[::1]:8000/x", "/x", ""},
      {"/http:", "/http:", ""},
  };
  for (const auto& c : cases) {
    const auto target = parse_target(c.received);
    ASSERT_TRUE(target) << c.received << ": " << target.error().detail;
    EXPECT_EQ(target->path, c.path) << c.received;
    EXPECT_EQ(target->query, c.query) << c.received;
  }
}

TEST(Target, NamesTheTrickItRefuses) {
  const struct {
    std::string_view received;
    const char* named;
  } cases[] = {
      {"", "must be a path"},
      {"*", "must be a path"},
      {"v1/models", "must be a path"},
      {"?a", "must be a path"},
      {"a.example:443", "must be a path"},
      {"//v1/models", "empty segment"},
      {"/v1//models", "empty segment"},
      {"/v1/models//", "empty segment"},
      {"/./v1", "dot segment"},
      {"/v1/../admin", "dot segment"},
      {"/v1/.", "dot segment"},
      {"/v1/..", "dot segment"},
      {"/..", "dot segment"},
      {"/v1/%2e%2e/admin", "escaped dot"},
      {"/v1/models%2E", "escaped dot"},
      {"/v1%2fmodels", "escaped slash"},
      {"/v1%2Fmodels", "escaped slash"},
      {"/v1%5cmodels", "escaped backslash"},
      {"/v1/models%00", "escaped NUL"},
      {"/v1/models%252e", "escaped percent"},
      {"/v1/models%0d%0a", "escaped control"},
      {"/v1/models%7f", "escaped control"},
      {"/v1/models%c0%ae", "escaped character beyond ASCII"},
      {"/v1/models%3bx", "escape of a character that no path"},
      {"/v1/models%3Fx", "escape of a character that no path"},
      {"/v1/models%20", "escape of a character that no path"},
      {"/v1/models%", "broken escape"},
      {"/v1/models%4", "broken escape"},
      {"/v1/models%4g", "broken escape"},
      {"/v1/models%+4", "broken escape"},
      {"/v1/models% 4", "broken escape"},
      {"/v1/models%u0041", "broken escape"},
      {"/v1\\models", "backslash"},
      {"/v1/models;x=1", "path parameter"},
      {"/v1/models#x", "fragment"},
      {"/v1/models\0"sv, "control character"},
      {"/v1/models\t", "control character"},
      {"/v1/models\x7f", "control character"},
      {"/v1/mod\xc3\xa9l", "beyond ASCII"},
      {"/v1/ models", "must be escaped"},
      {"/v1/<models>", "must be escaped"},
      {"/v1/models?a#b", "query has a fragment"},
      {"/v1/models?a b", "query has a character that must be escaped"},
      {"/v1/models?%zz", "query has a broken escape"},
      {"/v1/models?\x80", "query has a character beyond ASCII"},
      {"/v1/models?\r\nEvil: 1", "query has a control"},
      {"ftp://a/", "scheme"},
      {"://a/", "scheme"},
      {"http://", "host"},
      {"http:///v1", "host"},
      {"http://user@a/", "host"},
      {"http://a:x/", "host"},
      {"http://a#b", "must be a path"},
      {"http://a/#b", "fragment"},
      {"http://a//b", "empty segment"},
  };
  for (const auto& c : cases) {
    const auto target = parse_target(c.received);
    ASSERT_FALSE(target) << c.received;
    EXPECT_EQ(target.error().code, ErrorCode::bad_request) << c.received;
    EXPECT_NE(target.error().detail.find(c.named), std::string::npos)
        << c.received << ": " << target.error().detail;
  }
}

TEST(Target, TheAsteriskIsForOptions) {
  const auto target = parse_target("*", Method::options);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "*");
  EXPECT_FALSE(parse_target("*", Method::post));
  EXPECT_FALSE(parse_target("*a", Method::options));
}

TEST(Host, Legal) {
  for (const std::string_view host :
       {"a", "localhost", "ray-serve.local", "a.example.", "a_b", "127.0.0.1", "127.0.0.1:8000",
        "[::1]", "[::1]:8000", "[::ffff:127.0.0.1]", "a:0", "a:65535", "%41", "a;b", "A.EXAMPLE"}) {
    EXPECT_TRUE(host_ok(host)) << host;
  }
}

TEST(Host, Illegal) {
  for (const std::string_view host : std::initializer_list<std::string_view>{
           "",       ":",        ":80",  "a b",         " a",           "a ",        "a?b",
           "a#b",    "a/b",      "a@b",  "a\\b",        "a:",           "a:x",       "a:65536",
           "a:-1",   "a:+1",     "a: 1", "a:1:2",       "::1",          "[::1",      "[::1]x",
           "[::1]:", "[]",       "[a]",  "[127.0.0.1]", "[::1%25eth0]", "[::1\0]"sv, "a,b c",
           "a\0b"sv, "\xc3\xa4", "%4",   "%zz",         "a\r\nb",       "\"a\"",     "<a>",
           "a|b"}) {
    EXPECT_FALSE(host_ok(host)) << host;
  }
  EXPECT_TRUE(host_ok(std::string(255, 'a')));
  EXPECT_FALSE(host_ok(std::string(256, 'a')));
}

}  // namespace
}  // namespace rocket
