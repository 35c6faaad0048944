#include "batch/line_retry.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(LineRetry, asks_again_what_may_be_answered_otherwise) {
  struct Case {
    int status;
    bool again;
  };
  const Case cases[] = {{200, false}, {400, false}, {401, false}, {403, false}, {404, false},
                        {413, false}, {422, false}, {408, true},  {429, true},  {500, true},
                        {502, true},  {503, true},  {504, true},  {529, true}};
  for (const Case& c : cases) {
    Random random(1);
    LineRetry retry({});
    EXPECT_EQ(retry.after({.status = c.status, .asked = true}, random).has_value(), c.again)
        << c.status;
  }
}

TEST(LineRetry, has_so_many_attempts) {
  Random random(1);
  LineRetry retry({.attempts = 3});
  const LineRetry::Answer failed{.status = 502, .asked = true};
  EXPECT_TRUE(retry.after(failed, random));
  EXPECT_TRUE(retry.after(failed, random));
  EXPECT_FALSE(retry.after(failed, random));
}

TEST(LineRetry, who_was_turned_away_has_lost_nothing) {
  Random random(1);
  LineRetry retry({.attempts = 2});
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(retry.after({.status = i % 2 == 0 ? 503 : 429, .asked = false}, random));
  EXPECT_TRUE(retry.after({.status = 503, .asked = true}, random));
  EXPECT_FALSE(retry.after({.status = 503, .asked = true}, random));
}

TEST(LineRetry, who_has_the_model_may_turn_up) {
  Random random(1);
  LineRetry retry({.attempts = 3});
  const LineRetry::Answer unknown{.status = 404, .unsettled = true};
  EXPECT_TRUE(retry.after(unknown, random));
  EXPECT_TRUE(retry.after(unknown, random));
  EXPECT_FALSE(retry.after(unknown, random)) << "but not for ever";
}

TEST(LineRetry, waits_longer_each_time_up_to_a_bound) {
  Random random(7);
  LineRetry retry({.attempts = 50, .backoff = 1s, .backoff_max = 8s});
  Duration longest = 1s;
  for (int i = 0; i < 20; ++i) {
    const auto pause = retry.after({.status = 503, .asked = true}, random);
    ASSERT_TRUE(pause);
    EXPECT_GE(*pause, longest / 2);
    EXPECT_LE(*pause, longest);
    longest = std::min<Duration>(longest * 2, 8s);
  }
}

TEST(LineRetry, does_as_it_is_told_within_the_bound) {
  Random random(7);
  LineRetry retry({.attempts = 50, .backoff = 1s, .backoff_max = 60s});
  EXPECT_EQ(retry.after({.status = 429, .asked = true, .retry_after = 30s}, random), 30s);
  EXPECT_EQ(retry.after({.status = 429, .asked = true, .retry_after = 1h}, random), 60s);
}

}  // namespace
}  // namespace rocket
