#include "policy/affinity.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace rocket {
namespace {

std::string url(size_t endpoint) {
  return "http://10.0.0." + std::to_string(endpoint) + ":8000";
}

// The endpoint of `count` that the session goes to, one of them left out.
size_t home(size_t session, size_t count, size_t without = SIZE_MAX) {
  size_t best = SIZE_MAX;
  std::uint64_t highest = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::uint64_t score =
        affinity(hash_of("session-" + std::to_string(session)), hash_of(url(i)));
    if (i != without && (best == SIZE_MAX || score > highest)) {
      best = i;
      highest = score;
    }
  }
  return best;
}

TEST(Affinity, SharesEqually) {
  constexpr size_t sessions = 10'000;
  constexpr size_t endpoints = 5;
  std::array<int, endpoints> count{};
  for (size_t i = 0; i < sessions; ++i)
    ++count[home(i, endpoints)];
  for (const int each : count)
    EXPECT_NEAR(each, sessions / endpoints, sessions / endpoints * 0.1);
}

TEST(Affinity, OnlyTheSessionsOfTheOneThatGoesMove) {
  std::array<int, 4> taken_over{};
  for (size_t i = 0; i < 1000; ++i) {
    const size_t before = home(i, 4);
    const size_t after = home(i, 4, 2);
    if (before != 2) {
      EXPECT_EQ(before, after) << i;
    } else {
      ++taken_over[after];
    }
  }
  // And not all to one.
  for (const size_t other : {0U, 1U, 3U})
    EXPECT_GT(taken_over[other], 40) << other;
}

TEST(Affinity, TheHashIsTheSameEverywhere) {
  EXPECT_EQ(hash_of(""), 0xcbf29ce484222325U);
  EXPECT_EQ(hash_of("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(hash_of("foobar"), 0x85944171f73967e8U);
}

}  // namespace
}  // namespace rocket
