#include "schema/rate_limits.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h;

TEST(RateLimits, ReadWhenTheyAreReset) {
  const struct {
    std::string_view text;
    std::optional<Duration> wait;
  } cases[] = {
      {"1s", 1s},
      {"6m0s", 6min},
      {"1m6.5s", 66500ms},
      {"20ms", 20ms},
      {"1h2m3s", 3723s},
      {"12", 12s},
      {"0.5", 500ms},
      {"0s", 0s},
      {"2d", 24h},
      {"99999999999999999999", 24h},
      {"2026-01-31T12:00:07Z", 7s},
      {"2026-01-31T12:00:07.999Z", 7s},
      {"2026-01-31T14:00:07+02:00", 7s},
      {"2026-01-31T11:30:07-00:30", 7s},
      {"2026-01-31T11:00:00Z", 0s},
      {"2027-01-31T12:00:00Z", 24h},
      {"9999-12-31T23:59:59Z", 24h},
      {"9999-12-31T23:59:59-23:59", 24h},
      {"0001-01-01T00:00:00Z", 0s},
      {"", std::nullopt},
      {"soon", std::nullopt},
      {"-1s", std::nullopt},
      {"1x", std::nullopt},
      {"1s2", 3s},
      {"nan", std::nullopt},
      {"inf", std::nullopt},
      {"2026-01-31", std::nullopt},
      {"2026-01-31T12:00:07", std::nullopt},
      {"2026-01-31T12:00:07+2:00", std::nullopt},
      {"2026-01-31T12:00:07Zulu", std::nullopt},
  };
  for (const auto& c : cases)
    EXPECT_EQ(parse_reset(c.text, now), c.wait) << c.text;
}

HeaderList headers_of(std::initializer_list<HeaderList::Header> lines) {
  HeaderList headers;
  for (const HeaderList::Header& line : lines)
    headers.add(line.name, line.value);
  return headers;
}

TEST(RateLimits, ReadHowManyAtOnceAreTooMany) {
  const struct {
    std::string_view text;
    std::optional<std::uint32_t> most;
  } cases[] = {
      {"concurrent=2", 2},
      {"concurrent=1000000", 1'000'000},
      {"concurrent=0", std::nullopt},
      {"concurrent=-1", std::nullopt},
      {"concurrent=", std::nullopt},
      {"concurrent=2,", std::nullopt},
      {"concurrent=99999999999", std::nullopt},
      {"requests=2", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_concurrent_limit(headers_of({{"x-rocket-limit", c.text}})), c.most) << c.text;
  EXPECT_EQ(read_concurrent_limit({}), std::nullopt);
}

TEST(RateLimits, ReadWhatIsLeft) {
  using Left = RateRoom::Left;
  const struct {
    const char* name;
    HeaderList headers;
    RateRoom room;
  } cases[] = {
      {"nothing said", headers_of({{"content-type", "x"}}), {}},
      {"OpenAI's",
       headers_of({{"X-RateLimit-Limit-Requests", "60"},
                   {"X-RateLimit-Remaining-Requests", "59"},
                   {"X-RateLimit-Reset-Requests", "1s"},
                   {"x-ratelimit-remaining-tokens", "149984"},
                   {"x-ratelimit-reset-tokens", "6m0s"}}),
       {.requests = Left{59, 1s}, .tokens = Left{149984, 6min}}},
      {"only tokens",
       headers_of({{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "2s"}}),
       {.tokens = Left{0, 2s}}},
      {"Anthropic's, the tighter of two",
       headers_of({{"anthropic-ratelimit-requests-remaining", "3"},
                   {"anthropic-ratelimit-requests-reset", "2026-01-31T12:00:01Z"},
                   {"anthropic-ratelimit-tokens-remaining", "9000"},
                   {"anthropic-ratelimit-tokens-reset", "2026-01-31T12:00:02Z"},
                   {"anthropic-ratelimit-input-tokens-remaining", "8000"},
                   {"anthropic-ratelimit-input-tokens-reset", "2026-01-31T12:00:03Z"},
                   {"anthropic-ratelimit-output-tokens-remaining", "1000"},
                   {"anthropic-ratelimit-output-tokens-reset", "2026-01-31T12:00:04Z"}}),
       {.requests = Left{3, 1s}, .tokens = Left{8000, 3s}, .tokens_out = Left{1000, 4s}}},
      {"no time of reset", headers_of({{"x-ratelimit-remaining-requests", "0"}}), {}},
      {"no number",
       headers_of(
           {{"x-ratelimit-remaining-requests", "few"}, {"x-ratelimit-reset-requests", "1s"}}),
       {}},
      {"a fraction",
       headers_of(
           {{"x-ratelimit-remaining-requests", "1.5"}, {"x-ratelimit-reset-requests", "1s"}}),
       {}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_rate_room(c.headers, now), c.room) << c.name;
}

}  // namespace
}  // namespace rocket
