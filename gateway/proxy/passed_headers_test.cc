#include "proxy/passed_headers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace rocket {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

HeaderList list_of(const Lines& lines) {
  HeaderList headers;
  for (const auto& [name, value] : lines)
    headers.add(name, value);
  return headers;
}

std::string passed_request(const Lines& lines) {
  std::string out;
  append_passed_request_headers(out, list_of(lines));
  return out;
}

std::string passed_answer(const Lines& lines) {
  std::string out;
  append_passed_answer_headers(out, list_of(lines));
  return out;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string capitalised(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string underscored(std::string text) {
  std::ranges::replace(text, '-', '_');
  return text;
}

TEST(PassedRequestHeaders, WhatIsNotTheUpstreamsBusinessIsKept) {
  const std::string names[] = {
      // The connection's.
      "host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
      "upgrade", "http2-settings", "expect",
      // The body's, which is written anew.
      "content-length", "content-type", "content-encoding", "accept-encoding",
      // Secrets.
      "authorization", "proxy-authorization", "proxy-authenticate", "x-api-key", "api-key",
      "cookie",
      // What an upstream's own head says.
      "anthropic-version",
      // What proxies and browsers add.
      "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via",
      "x-client-ip", "true-client-ip", "cf-connecting-ip", "cf-ray", "origin", "referer",
      "sec-fetch-mode", "sec-websocket-key", "access-control-request-method", "priority",
      // What some servers take for another path or method than was asked.
      "x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override",
      "x-method-override",
      // Ours.
      "x-rocket-backend", "x-rocket-lane", "x-rocket-session", "x-rocket-strict", "x-request-id"};
  for (const std::string& name : names) {
    for (const std::string& spelt : {name, upper(name), capitalised(name), underscored(name)}) {
      EXPECT_EQ(passed_request({{"x-a", "1"}, {spelt, "secret"}, {"x-b", "2"}}),
                "x-a: 1\r\nx-b: 2\r\n")
          << spelt;
    }
  }
}

TEST(PassedRequestHeaders, TheRestPassesByteForByte) {
  const Lines lines{
      {"X-Data-Parallel-Rank", "3"},
      {"x_trace_me", "1"},
      {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
      {"tracestate", "a=1,b=2"},
      {"OpenAI-Organization", "org"},
      {"anthropic-beta", "a, b"},
      {"User-Agent", "OpenAI/Python 3.54.0"},
      {"accept", "*/*"},
      {"x-stainless-retry-count", "0"},
      {"x-empty", ""},
      {"x-latin", "\xE9"},
      // Names that only begin like, or hold, one that is kept.
      {"hostname", "a"},
      {"x-host", "a"},
      {"te-x", "a"},
      {"x-api-key-id", "a"},
      {"x-forwarded", "a"},
      {"my-proxy-x", "a"},
      {"second", "a"},
      {"cfx", "a"},
  };
  std::string expected;
  for (const auto& [name, value] : lines)
    expected += name + ": " + value + "\r\n";
  EXPECT_EQ(passed_request(lines), expected);
}

TEST(PassedRequestHeaders, OfATraceOnlyWhatDoesNotStandBesideOurs) {
  const HeaderList headers =
      list_of({{"Traceparent", "a"}, {"x-a", "1"}, {"traceparent", "b"}, {"TraceState", "c"}});
  const struct {
    PassedTrace trace;
    const char* expected;
  } cases[] = {
      {PassedTrace::all, "Traceparent: a\r\nx-a: 1\r\ntraceparent: b\r\nTraceState: c\r\n"},
      {PassedTrace::state, "x-a: 1\r\nTraceState: c\r\n"},
      {PassedTrace::none, "x-a: 1\r\n"},
  };
  for (const auto& c : cases) {
    std::string out;
    append_passed_request_headers(out, headers, {.trace = c.trace});
    EXPECT_EQ(out, c.expected);
  }
}

TEST(PassedRequestHeaders, BetasGoToWhoKnowsThem) {
  const HeaderList headers = list_of({{"Anthropic-Beta", "a"}, {"x-a", "1"}});
  std::string out;
  append_passed_request_headers(out, headers, {.betas = true});
  EXPECT_EQ(out, "Anthropic-Beta: a\r\nx-a: 1\r\n");
  out.clear();
  append_passed_request_headers(out, headers, {.betas = false});
  EXPECT_EQ(out, "x-a: 1\r\n");
}

TEST(PassedRequestHeaders, RepeatedLinesKeepTheirOrder) {
  EXPECT_EQ(passed_request({{"x-a", "1"}, {"cookie", "s"}, {"x-b", "2"}, {"x-a", "3"}}),
            "x-a: 1\r\nx-b: 2\r\nx-a: 3\r\n");
}

TEST(PassedRequestHeaders, AreAppended) {
  std::string out = "POST / HTTP/1.1\r\n";
  append_passed_request_headers(out, list_of({{"x-a", "1"}}));
  append_passed_request_headers(out, {});
  EXPECT_EQ(out, "POST / HTTP/1.1\r\nx-a: 1\r\n");
}

TEST(PassedRequestHeaders, WhatConnectionNamesEndsHere) {
  const struct {
    const char* name;
    const char* connection;
    const char* expected;
  } cases[] = {
      {"none", "keep-alive", "x-a: 1\r\nX-B: 2\r\n"},
      {"one", "x-a", "X-B: 2\r\n"},
      {"in another case", "X-A", "X-B: 2\r\n"},
      {"the line in another case", "x-b", "x-a: 1\r\n"},
      {"several", "close, x-a,x-b", ""},
      {"with white space", " \tx-a\t ,\t x-b ", ""},
      {"empty options", ",,x-a,,", "X-B: 2\r\n"},
      {"part of a name", "x, a, x-", "x-a: 1\r\nX-B: 2\r\n"},
      {"nothing", "", "x-a: 1\r\nX-B: 2\r\n"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(passed_request({{"x-a", "1"}, {"Connection", c.connection}, {"X-B", "2"}}),
              c.expected)
        << c.name;
  }
}

TEST(PassedRequestHeaders, AConnectionThatNamesTooMuchNamesAll) {
  const std::string most(511, ',');
  EXPECT_EQ(passed_request({{"connection", most}, {"x-a", "1"}}), "x-a: 1\r\n");
  EXPECT_EQ(passed_request({{"connection", most + ','}, {"x-a", "1"}}), "");
}

TEST(PassedRequestHeaders, ConnectionMayStandTwice) {
  EXPECT_EQ(passed_request({{"connection", "keep-alive"},
                            {"x-a", "1"},
                            {"x-b", "2"},
                            {"x-c", "3"},
                            {"CONNECTION", "x-b"},
                            {"connection", "x-a"}}),
            "x-c: 3\r\n");
}

TEST(PassedAnswerHeaders, AClientSeesAShortList) {
  EXPECT_EQ(passed_answer({
                {"Content-Language", "en"},
                {"cache-control", "public"},
                {"retry-after-ms", "100"},
                {"x-should-retry", "false"},
                {"openai-processing-ms", "12"},
                {"Anthropic-Ratelimit-Requests-Limit", "50"},
                {"x-ratelimit-remaining-tokens", "7"},
            }),
            "Content-Language: en\r\nretry-after-ms: 100\r\n"
            "x-should-retry: false\r\nopenai-processing-ms: 12\r\n"
            "Anthropic-Ratelimit-Requests-Limit: 50\r\nx-ratelimit-remaining-tokens: 7\r\n");
}

TEST(PassedAnswerHeaders, LimitsOfOursStandAlone) {
  HeaderList headers;
  headers.add("X-RateLimit-Remaining-Tokens", "7");
  headers.add("anthropic-ratelimit-requests-limit", "50");
  headers.add("openai-processing-ms", "12");
  std::string out;
  append_passed_answer_headers(out, headers, UpstreamLimits::kept);
  EXPECT_EQ(out, "openai-processing-ms: 12\r\n");
}

TEST(PassedAnswerHeaders, WhatAnotherRocketHasLostIsAddedToOurs) {
  const struct {
    std::string ours;
    std::string theirs;
    const char* both;
  } cases[] = {
      {"", "", ""},
      {"dropped=a", "", "dropped=a"},
      {"", "dropped=a,emulated=n", "dropped=a,emulated=n"},
      {"dropped=a", "emulated=n", "dropped=a,emulated=n"},
      {"dropped=a,emulated=n", "emulated=n,dropped=b", "dropped=a,emulated=n,dropped=b"},
      {"dropped=ab", "dropped=a,dropped=a", "dropped=ab,dropped=a"},
      {"dropped=a,more", "dropped=b,more", "dropped=a,more,dropped=b"},
      {"dropped=a", ",,words, of others,", "dropped=a"},
  };
  for (const auto& c : cases) {
    std::string lost = c.ours;
    add_translation(lost, list_of({{"X-Rocket-Translation", c.theirs}}));
    EXPECT_EQ(lost, c.both) << c.ours << " and " << c.theirs;
  }
  std::string lost = "dropped=a";
  add_translation(lost, list_of({{"x-other", "dropped=b"}}));
  EXPECT_EQ(lost, "dropped=a");
}

TEST(PassedAnswerHeaders, WhatAnotherRocketHasLostIsBounded) {
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += "dropped=field-" + std::to_string(i) + ",";
  for (const std::string& theirs : {many, "dropped=" + std::string(60'000, 'x')}) {
    std::string lost = "dropped=a";
    add_translation(lost, list_of({{"x-rocket-translation", theirs}}));
    EXPECT_LE(lost.size(), 4200U);
    EXPECT_TRUE(lost.ends_with(",more")) << lost;
    EXPECT_EQ(lost.contains(",dropped=field-0,dropped=field-1,"), theirs == many) << lost;
    EXPECT_FALSE(lost.contains("xx")) << "no half of a name";
  }
}

TEST(PassedAnswerHeaders, WhatAnotherRocketWarnsOfIsAddedToOurs) {
  const struct {
    std::string ours;
    std::string theirs;
    const char* both;
  } cases[] = {
      {"", "", ""},    {"it may not fit", "", "it may not fit"}, {"", "b", "b"}, {"a", "b", "a; b"},
      {"a", "a", "a"},
  };
  for (const auto& c : cases) {
    std::string warning = c.ours;
    add_warning(warning, list_of({{"x-rocket-warning", c.theirs}}), "");
    EXPECT_EQ(warning, c.both) << c.ours << " and " << c.theirs;
  }
  std::string warning = "ours";
  const std::string theirs = "ask http://10.1.2.3:8000/v1 with sk-1 " + std::string(5000, 'x');
  add_warning(warning, list_of({{"x-rocket-warning", theirs}}), "sk-1");
  EXPECT_TRUE(warning.starts_with("ours; ask ")) << warning;
  EXPECT_FALSE(warning.contains("10.1.2.3")) << warning;
  EXPECT_FALSE(warning.contains("sk-1")) << warning;
  EXPECT_LE(warning.size(), 600U);
}

TEST(PassedAnswerHeaders, WhatConcernsTheNetworkBehindUsIsKept) {
  for (const std::string name : {"server",
                                 "date",
                                 "set-cookie",
                                 "connection",
                                 "keep-alive",
                                 "transfer-encoding",
                                 "content-length",
                                 "content-type",
                                 "content-encoding",
                                 "location",
                                 "via",
                                 "x-powered-by",
                                 "x-rocket-backend",
                                 "x-request-id",
                                 "access-control-allow-origin",
                                 "www-authenticate",
                                 "authorization",
                                 "strict-transport-security",
                                 "alt-svc",
                                 "x-accel-buffering",
                                 "retry-after",
                                 "openai",
                                 "openai-organization",
                                 "openai-project",
                                 "anthropic-organization-id",
                                 "ratelimit-limit"}) {
    EXPECT_EQ(passed_answer({{name, "x"}, {upper(name), "x"}}), "") << name;
  }
}

}  // namespace
}  // namespace rocket
