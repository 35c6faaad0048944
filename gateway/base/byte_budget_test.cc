#include "base/byte_budget.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

namespace rocket {
namespace {

constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();

TEST(ByteBudget, GivesWhatItHasAndTakesItBack) {
  ByteBudget budget(100);
  {
    const auto first = budget.take(60);
    ASSERT_TRUE(first);
    EXPECT_EQ(budget.held(), 60U);
    EXPECT_FALSE(budget.take(41));
    EXPECT_EQ(budget.held(), 60U);
    const auto second = budget.take(40);
    EXPECT_TRUE(second);
    EXPECT_EQ(budget.held(), 100U);
    EXPECT_FALSE(budget.take(1));
  }
  EXPECT_EQ(budget.held(), 0U);
  EXPECT_TRUE(budget.take(100));
}

TEST(ByteBudget, Bounds) {
  const struct {
    const char* name;
    std::uint64_t most;
    std::uint64_t held;
    std::uint64_t bytes;
    bool taken;
  } cases[] = {
      {"nothing of nothing", 0, 0, 0, true},
      {"something of nothing", 0, 0, 1, false},
      {"nothing of a budget that is spent", 10, 10, 0, true},
      {"more than there ever is", 10, 0, 11, false},
      {"a sum that overflows", 10, 10, everything, false},
      {"all that can be counted", everything, 0, everything, true},
      {"beyond what can be counted", everything, 1, everything, false},
  };
  for (const auto& c : cases) {
    ByteBudget budget(c.most);
    const auto before = budget.take(c.held);
    ASSERT_TRUE(before) << c.name;
    const auto hold = budget.take(c.bytes);
    EXPECT_EQ(hold.has_value(), c.taken) << c.name;
    EXPECT_EQ(budget.held(), c.held + (c.taken ? c.bytes : 0)) << c.name;
  }
}

TEST(ByteBudget, AHoldThatMovesIsGivenBackOnce) {
  ByteBudget budget(100);
  {
    auto first = budget.take(30);
    ByteBudget::Hold moved(std::move(*first));
    first.reset();
    EXPECT_EQ(budget.held(), 30U);
    auto other = budget.take(20);
    moved = std::move(*other);
    other.reset();  // took what `moved` had held
    EXPECT_EQ(budget.held(), 20U);
    moved = ByteBudget::Hold();
    EXPECT_EQ(budget.held(), 0U);
  }
  EXPECT_EQ(budget.held(), 0U);
}

TEST(ByteBudget, AHoldCanBeExtended) {
  ByteBudget budget(100);
  {
    ByteBudget::Hold hold;
    ASSERT_TRUE(hold.extend(budget, 30));
    ASSERT_TRUE(hold.extend(budget, 0));
    ASSERT_TRUE(hold.extend(budget, 70));
    EXPECT_EQ(budget.held(), 100U);
    EXPECT_FALSE(hold.extend(budget, 1));
    EXPECT_FALSE(hold.extend(budget, everything));
    EXPECT_EQ(budget.held(), 100U);
  }
  EXPECT_EQ(budget.held(), 0U);
}

TEST(ByteBudget, AReloadMayMakeItSmallerThanWhatIsHeld) {
  ByteBudget budget(100);
  auto hold = budget.take(80);
  budget.set_most(50);
  EXPECT_FALSE(budget.take(1));
  hold.reset();
  EXPECT_FALSE(budget.take(51));
  EXPECT_TRUE(budget.take(50));
}

TEST(ByteBudget, LoopsTogetherNeverHoldMore) {
  constexpr int loops = 4;
  constexpr std::uint64_t most = 3;
  ByteBudget budget(most);
  std::atomic<std::uint64_t> holding = 0;
  std::atomic<bool> overdrawn = false;
  {
    std::vector<std::jthread> threads;
    for (int loop = 0; loop < loops; ++loop) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) {
          const auto hold = budget.take(1);
          if (!hold) continue;
          if (++holding > most) overdrawn = true;
          --holding;
        }
      });
    }
  }
  EXPECT_FALSE(overdrawn);
  EXPECT_EQ(budget.held(), 0U);
}

}  // namespace
}  // namespace rocket
