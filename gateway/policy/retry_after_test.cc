#include "policy/retry_after.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(RetryAfter, ReadsSecondsAndDates) {
  const WallTime now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min;
  const struct {
    const char* value;
    std::optional<Duration> wait;
  } cases[] = {
      {"7", 7s},
      {"0", 0s},
      {"1000000000", 1000000000s},
      {"99999999999999999999999", std::chrono::hours(100 * 365 * 24)},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 37s},
      {"Sun, 06 Nov 1994 08:48:00 GMT", 0s},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 37s},
      {"Sun Nov  6 08:49:37 1994", 37s},
      {"Fri, 31 Dec 9999 23:59:59 GMT", std::chrono::hours(100 * 365 * 24)},
      {"Sat, 01 Jan 1600 00:00:00 GMT", 0s},
      {"Mon, 01 Jan 0001 00:00:00 GMT", 0s},
      {"Sun, 06 Nov 1994 08:49:37 GMT tomorrow", std::nullopt},
      {"Sun, 06 Nov 1994", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"", std::nullopt},
      {"7 ", std::nullopt},
  };
  for (const auto& c : cases)
    EXPECT_EQ(parse_retry_after(c.value, now), c.wait) << c.value;
}

}  // namespace
}  // namespace rocket
