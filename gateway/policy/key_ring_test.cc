#include "policy/key_ring.h"

#include <gtest/gtest.h>

#include <ctime>

namespace rocket {
namespace {

Key named(std::string name) {
  return {std::move(name), Lane::normal, {}, std::make_shared<KeyLimits>(KeyLimitSettings{})};
}

TEST(KeyRing, FindsAKeyByWhatItHashesTo) {
  KeyRing ring;
  EXPECT_EQ(ring.find("rk-a"), nullptr);
  ring.add(sha256("rk-a"), named("a"));
  ring.add(sha256("rk-b"), named("b"));
  EXPECT_EQ(ring.size(), 2U);
  ASSERT_NE(ring.find("rk-a"), nullptr);
  EXPECT_EQ(ring.find("rk-a")->name, "a");
  EXPECT_EQ(ring.find(sha256("rk-b"))->name, "b");
  for (const std::string_view other : {"", "rk-", "rk-A", "rk-a ", "rk-ab"})
    EXPECT_EQ(ring.find(other), nullptr) << other;
}

TEST(KeyRing, finds_a_key_by_its_name) {
  KeyRing ring;
  ring.add(sha256("rk-a"), named("a"));
  ring.add(sha256("rk-b"), named("b"));
  EXPECT_EQ(ring.named("a"), ring.find("rk-a"));
  EXPECT_EQ(ring.named("b"), ring.find("rk-b"));
  EXPECT_EQ(ring.named("c"), nullptr);
  EXPECT_EQ(ring.named(""), nullptr);
}

// Of the processor, so that neighbours matter little.
double seconds_of_lookups(const KeyRing& ring) {
  double least = 1e9;
  for (int round = 0; round < 5; ++round) {
    const std::clock_t begin = std::clock();
    for (int i = 0; i < 2000; ++i)
      EXPECT_EQ(ring.find("rk-no" + std::to_string(i)), nullptr);
    least = std::min(least, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return least;
}

// A list would be some thousand times slower; ten times leaves room for caches and neighbours.
TEST(KeyRing, TenThousandKeysCostAsMuchAsThree) {
  KeyRing few;
  KeyRing many;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "key-" + std::to_string(i);
    many.add(sha256(name), named(name));
    if (i < 3) few.add(sha256(name), named(name));
  }
  EXPECT_LT(seconds_of_lookups(many), 10 * seconds_of_lookups(few));
}

}  // namespace
}  // namespace rocket
