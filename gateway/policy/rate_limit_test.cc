#include "policy/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000h};

TEST(RateLimit, LetsAMinutesWorthThroughAndThenAnEvenPace) {
  struct Step {
    Duration at;
    std::uint64_t amount;
    Duration wait;  // 0: taken
    std::uint32_t remaining;
    Duration reset;
  };
  const struct {
    const char* name;
    std::uint32_t per_minute;
    std::vector<Step> steps;
  } cases[] = {
      {"one by one",
       60,
       {{0s, 1, 0s, 59, 1s}, {0s, 1, 0s, 58, 2s}, {1s, 1, 0s, 58, 2s}, {3s, 0, 0s, 60, 0s}}},
      {"a burst",
       60,
       {{0s, 60, 0s, 0, 60s},
        {0s, 1, 1s, 0, 60s},
        {999ms, 1, 1ms, 0, 59001ms},
        {1s, 1, 0s, 0, 60s},
        {10s, 9, 0s, 0, 60s},
        {10s, 2, 2s, 0, 60s}}},
      {"refused ones cost nothing",
       2,
       {{0s, 2, 0s, 0, 60s}, {10s, 1, 20s, 0, 50s}, {29s, 1, 1s, 0, 31s}, {30s, 1, 0s, 0, 60s}}},
      {"one per minute", 1, {{0s, 1, 0s, 0, 60s}, {59s, 1, 1s, 0, 1s}, {60s, 1, 0s, 0, 60s}}},
      {"a full bucket holds no more than a minute",
       60,
       {{0s, 1, 0s, 59, 1s}, {10h, 60, 0s, 0, 60s}, {10h, 1, 1s, 0, 60s}}},
      {"more than a bucket is all of it",
       100,
       {{0s, 1'000'000, 0s, 0, 60s}, {0s, 1, 600ms, 0, 60s}, {30s, 1'000'000, 30s, 50, 30s}}},
      {"time that stands still or goes back fills nothing",
       60,
       {{10s, 60, 0s, 0, 60s}, {10s, 1, 1s, 0, 60s}, {5s, 1, 6s, 0, 65s}}},
  };
  for (const auto& c : cases) {
    RateLimit limit(c.per_minute);
    for (const Step& step : c.steps) {
      const TimePoint now = start + step.at;
      const auto taken = limit.take(step.amount, now);
      EXPECT_EQ(taken ? 0s : taken.error(), step.wait) << c.name << " at " << step.at.count();
      EXPECT_EQ(limit.state(now).remaining, step.remaining) << c.name << " at " << step.at.count();
      EXPECT_EQ(limit.state(now).reset, step.reset) << c.name << " at " << step.at.count();
      EXPECT_EQ(limit.state(now).limit, c.per_minute) << c.name;
    }
  }
}

// Whatever the rate: just so many fit into a bucket, and each shows.
TEST(RateLimit, CountsExactly) {
  for (const std::uint32_t rate : {1U, 2U, 3U, 7U, 9U, 11U, 13U, 59U, 61U, 97U, 1000U, 6007U}) {
    RateLimit limit(rate);
    for (std::uint32_t i = 0; i < rate; ++i) {
      ASSERT_TRUE(limit.take(1, start)) << rate << ' ' << i;
      ASSERT_EQ(limit.state(start).remaining, rate - i - 1) << rate;
    }
    const auto refused = limit.take(1, start);
    ASSERT_FALSE(refused) << rate;
    EXPECT_TRUE(limit.take(1, start + refused.error())) << "the wait is true of " << rate;
    EXPECT_FALSE(limit.take(1, start + refused.error() - 1us)) << rate;
  }
}

TEST(RateLimit, SettlesWhatWasTaken) {
  const struct {
    const char* name;
    std::uint64_t taken;
    std::uint64_t used;
    Duration after;
    std::uint32_t remaining;
    Duration reset;
  } cases[] = {
      {"as expected", 30, 30, 0s, 30, 30s},
      {"less", 30, 10, 0s, 50, 10s},
      {"nothing", 30, 0, 0s, 60, 0s},
      {"less, later", 30, 10, 5s, 55, 5s},
      {"less, when time has given all of it back", 30, 0, 2min, 60, 0s},
      {"less, when time has given most of it back", 30, 10, 25s, 60, 0s},
      {"more", 30, 40, 0s, 20, 40s},
      {"more, when the bucket has filled again", 30, 40, 2min, 50, 10s},
      {"more than there is", 30, 120, 0s, 0, 120s},
      {"more than anything", 30, UINT64_MAX, 0s, 0, 24h},
  };
  for (const auto& c : cases) {
    RateLimit limit(60);
    const auto taken = limit.take(c.taken, start);
    ASSERT_TRUE(taken) << c.name;
    limit.settle(*taken, c.used, start + c.after);
    const auto state = limit.state(start + c.after);
    EXPECT_EQ(state.remaining, c.remaining) << c.name;
    EXPECT_EQ(state.reset, c.reset) << c.name;
  }
}

// Given back after the bucket has filled, and been emptied by another, it would be there twice.
TEST(RateLimit, NothingIsGivenBackTwice) {
  RateLimit limit(60);
  const auto first = limit.take(60, start);
  ASSERT_TRUE(first);
  ASSERT_TRUE(limit.take(60, start + 60s));
  limit.settle(*first, 0, start + 60s);
  EXPECT_EQ(limit.state(start + 60s).remaining, 0U);
}

TEST(RateLimit, IsExactAcrossThreads) {
  constexpr std::uint32_t rate = 20'000;
  RateLimit limit(rate);
  std::atomic<std::uint32_t> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::uint32_t k = 0; k < rate; ++k)
        taken += limit.take(1, start) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(taken, rate);
}

}  // namespace
}  // namespace rocket
