#include "proxy/key_use.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000h};

TEST(KeyUse, DurationsAreWrittenAsOpenAiDoes) {
  const struct {
    Duration duration;
    std::string_view text;
  } cases[] = {
      {0s, "0s"},           {1ns, "1ms"},     {20ms, "20ms"},    {999ms, "999ms"},
      {1s, "1s"},           {1500ms, "1.5s"}, {8640ms, "8.64s"}, {1001ms, "1.001s"},
      {59999ms, "59.999s"}, {60s, "1m0s"},    {6min, "6m0s"},    {61250ms, "1m1.25s"},
      {1h, "1h0m0s"},       {24h, "24h0m0s"}, {-1s, "0s"},       {999999999ns, "1s"},
      {100s, "1m40s"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(limit_duration(c.duration), c.text);
}

TEST(KeyUse, WaitsAreRoundedUpToSeconds) {
  EXPECT_EQ(whole_seconds(0s), 1);
  EXPECT_EQ(whole_seconds(1ms), 1);
  EXPECT_EQ(whole_seconds(1s), 1);
  EXPECT_EQ(whole_seconds(1001ms), 2);
  EXPECT_EQ(whole_seconds(24h), 86400);
}

TEST(KeyUse, ExpectsAQuarterOfTheBytesAndWhatMayBeAnswered) {
  const struct {
    std::string body;
    std::uint64_t tokens;
  } cases[] = {
      {"{}", 0},
      {R"({"messages":[]})", 15 / 4},
      {R"({"max_tokens":100})", 18 / 4 + 100},
      {R"({"max_completion_tokens":100})", 29 / 4 + 100},
      {R"({"max_tokens":5,"max_completion_tokens":100})", 44 / 4 + 100},
      {R"({"max_output_tokens":100})", 25 / 4 + 100},
      {R"({"options":{"num_predict":100}})", 31 / 4 + 100},
      {R"({"options":{"num_predict":-1}})", 30 / 4},
      {R"({"max_tokens":100,"n":3})", 24 / 4 + 300},
      {R"({"max_tokens":100,"n":-3})", 25 / 4 + 100},
      {R"({"max_tokens":100,"n":"x"})", 26 / 4 + 100},
      {R"({"max_tokens":1,"n":1000000})", 28 / 4 + 128},
      {R"({"max_tokens":null})", 19 / 4},
      {R"({"max_tokens":-5})", 17 / 4},
      {R"({"max_tokens":"7"})", 18 / 4},
      {R"({"max_tokens":1e300})", 20 / 4},
      {R"({"m":{"max_tokens":7}})", 22 / 4},
  };
  for (const auto& c : cases)
    EXPECT_EQ(expected_tokens(c.body), c.tokens) << c.body;
}

TEST(KeyUse, APromptThatNobodyHasCountedCountsAsExpected) {
  const struct {
    Usage usage;
    std::uint64_t body_bytes;
    std::uint64_t used;
  } cases[] = {
      {{.in = 7, .out = 3}, 4000, 7 + 3},  {{.in = 7, .out = 0}, 4000, 7},
      {{.in = 0, .out = 3}, 400, 100 + 3}, {{.in = 0, .out = 0}, 400, 100},
      {{.in = 0, .out = 3}, 80'000, 1003}, {{.in = 8000, .out = 3}, 4, 8003},
      {{.in = -1, .out = -5}, 400, 100},   {{.in = 0, .out = 0}, 0, 0},
  };
  for (const auto& c : cases)
    EXPECT_EQ(used_tokens(c.usage, c.body_bytes, 1000), c.used)
        << c.usage.in << ' ' << c.body_bytes;
}

TEST(KeyUse, TellsTheLimitsThatThereAre) {
  const struct {
    const char* name;
    KeyLimitSettings settings;
    std::string lines;
  } cases[] = {
      {"none", {}, ""},
      {"at once only", {.requests_per_minute = {}, .tokens_per_minute = {}, .concurrent = 2}, ""},
      {"requests",
       {.requests_per_minute = 60, .tokens_per_minute = {}, .concurrent = {}},
       "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 59\r\n"
       "x-ratelimit-reset-requests: 1s\r\n"},
      {"both",
       {.requests_per_minute = 10, .tokens_per_minute = 6000, .concurrent = {}},
       "x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 9\r\n"
       "x-ratelimit-reset-requests: 6s\r\nx-ratelimit-limit-tokens: 6000\r\n"
       "x-ratelimit-remaining-tokens: 5998\r\nx-ratelimit-reset-tokens: 20ms\r\n"},
  };
  for (const auto& c : cases) {
    KeyLimits limits(c.settings);
    ASSERT_TRUE(limits.take(2, start)) << c.name;
    std::string lines;
    append_limit_lines(lines, limits, start);
    EXPECT_EQ(lines, c.lines) << c.name;
  }
}

TEST(KeyUse, ARefusalNamesTheLimitAndWhatToDo) {
  const KeyLimits limits({.requests_per_minute = 10, .tokens_per_minute = 6000, .concurrent = 2});
  EXPECT_EQ(refusal_text(limits, {KeyLimits::Limit::requests, 1500ms}),
            "this API key's limit of 10 requests per minute is reached; try again in 1.5s");
  EXPECT_EQ(refusal_text(limits, {KeyLimits::Limit::tokens, 20ms}),
            "this API key's limit of 6000 tokens per minute is reached; try again in 20ms");
  EXPECT_EQ(refusal_text(limits, {KeyLimits::Limit::concurrent, 0s}),
            "this API key's limit of 2 requests at once is reached; try again when one has ended");
}

}  // namespace
}  // namespace rocket
