#include "policy/key_limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;
using Limit = KeyLimits::Limit;

constexpr TimePoint start{1000h};

TEST(KeyLimits, NoLimitsLimitNothing) {
  KeyLimits limits({});
  std::vector<KeyLimits::Hold> held;
  for (int i = 0; i < 1000; ++i) {
    auto hold = limits.take(1'000'000'000, start);
    ASSERT_TRUE(hold);
    held.push_back(std::move(*hold));
  }
  EXPECT_EQ(limits.in_flight(), 1000U);
  EXPECT_EQ(limits.requests(start), std::nullopt);
  EXPECT_EQ(limits.tokens(start), std::nullopt);
}

TEST(KeyLimits, APlaceIsGivenBackByItsHolder) {
  KeyLimits limits({.requests_per_minute = {}, .tokens_per_minute = {}, .concurrent = 2});
  auto one = limits.take(0, start);
  {
    auto two = limits.take(0, start);
    ASSERT_TRUE(one && two);
    const auto three = limits.take(0, start);
    ASSERT_FALSE(three);
    EXPECT_EQ(three.error().limit, Limit::concurrent);
    EXPECT_EQ(three.error().wait, 0s);
    KeyLimits::Hold moved = std::move(*two);
    EXPECT_EQ(limits.in_flight(), 2U) << "a hold that is moved is still one";
  }
  EXPECT_EQ(limits.in_flight(), 1U);
  EXPECT_TRUE(limits.take(0, start));
}

TEST(KeyLimits, ARefusedRequestTakesNothing) {
  const struct {
    const char* name;
    KeyLimitSettings settings;
    std::uint64_t tokens;
    Limit limit;
    Duration wait;
  } cases[] = {
      {"requests",
       {.requests_per_minute = 1, .tokens_per_minute = 100, .concurrent = 5},
       10,
       Limit::requests,
       60s},
      {"tokens",
       {.requests_per_minute = 10, .tokens_per_minute = 100, .concurrent = 5},
       70,
       Limit::tokens,
       24s},
      {"tokens alone",
       {.requests_per_minute = {}, .tokens_per_minute = 100, .concurrent = {}},
       60,
       Limit::tokens,
       12s},
      {"places",
       {.requests_per_minute = 10, .tokens_per_minute = 100, .concurrent = 1},
       10,
       Limit::concurrent,
       0s},
  };
  for (const auto& c : cases) {
    KeyLimits limits(c.settings);
    const auto first = limits.take(c.tokens, start);
    ASSERT_TRUE(first) << c.name;
    const auto requests = limits.requests(start);
    const auto tokens = limits.tokens(start);
    const auto refused = limits.take(c.tokens, start);
    ASSERT_FALSE(refused) << c.name;
    EXPECT_EQ(refused.error().limit, c.limit) << c.name;
    EXPECT_EQ(refused.error().wait, c.wait) << c.name;
    EXPECT_EQ(limits.in_flight(), 1U) << c.name;
    if (requests) {
      EXPECT_EQ(limits.requests(start)->reset, requests->reset) << c.name;
    }
    if (tokens) {
      EXPECT_EQ(limits.tokens(start)->reset, tokens->reset) << c.name;
    }
  }
}

TEST(KeyLimits, TokensAreSettled) {
  KeyLimits limits({.requests_per_minute = {}, .tokens_per_minute = 1000, .concurrent = {}});
  auto hold = limits.take(900, start);
  ASSERT_TRUE(hold);
  EXPECT_EQ(limits.tokens(start)->remaining, 100U);
  hold->settle(50, start);
  EXPECT_EQ(limits.tokens(start)->remaining, 950U);
  {
    const auto unsettled = limits.take(200, start);
  }
  EXPECT_EQ(limits.tokens(start)->remaining, 750U) << "without a word the reservation stands";
}

TEST(KeyLimits, PlacesAreExactAcrossThreads) {
  KeyLimits limits({.requests_per_minute = {}, .tokens_per_minute = {}, .concurrent = 3});
  std::atomic<unsigned> most = 0;
  std::atomic<unsigned> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20'000; ++k) {
        const auto hold = limits.take(1, start);
        if (!hold) continue;
        ++taken;
        unsigned seen = most;
        while (seen < limits.in_flight() && !most.compare_exchange_weak(seen, limits.in_flight())) {
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_GT(taken, 0U);
  EXPECT_LE(most, 3U);
  EXPECT_EQ(limits.in_flight(), 0U);
}

}  // namespace
}  // namespace rocket
