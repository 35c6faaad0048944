#include "policy/capacity.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace rocket {
namespace {

TEST(Capacity, takes_as_many_as_it_may) {
  struct Case {
    const char* name;
    std::uint32_t most;
    Lane lane;
    std::uint32_t taken;
  };
  const Case cases[] = {
      {"people fill it", 8, Lane::interactive, 8},
      {"so does the normal lane", 8, Lane::normal, 8},
      {"batch leaves an eighth", 64, Lane::batch, 56},
      {"batch leaves one of a few", 4, Lane::batch, 3},
      {"of two places batch has one", 2, Lane::batch, 1},
      {"a single place is for all", 1, Lane::batch, 1},
      {"0 is no limit", 0, Lane::batch, 1000},
  };
  for (const Case& c : cases) {
    Capacity capacity(c.most);
    std::vector<Capacity::Hold> holds;
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(capacity.full(c.lane), holds.size() == c.taken && c.most != 0) << c.name;
      Capacity::Hold hold = capacity.take(c.lane);
      if (!hold) break;
      holds.push_back(std::move(hold));
    }
    EXPECT_EQ(holds.size(), c.taken) << c.name;
    EXPECT_EQ(capacity.held(), c.taken) << c.name;
    holds.clear();
    EXPECT_EQ(capacity.held(), 0U) << c.name;
  }
}

TEST(Capacity, people_still_find_room_beside_a_full_batch_lane) {
  Capacity capacity(4);
  std::vector<Capacity::Hold> batch;
  while (!capacity.full(Lane::batch))
    batch.push_back(capacity.take(Lane::batch));
  EXPECT_FALSE(capacity.full(Lane::interactive));
  const Capacity::Hold mine = capacity.take(Lane::interactive);
  EXPECT_TRUE(mine);
  EXPECT_TRUE(capacity.full(Lane::interactive));
}

TEST(Capacity, a_smaller_limit_lets_those_who_are_in_finish) {
  Capacity capacity(2);
  Capacity::Hold one = capacity.take(Lane::normal);
  Capacity::Hold two = capacity.take(Lane::normal);
  capacity.set_most(1);
  EXPECT_FALSE(capacity.take(Lane::normal));
  one.release();
  EXPECT_FALSE(capacity.take(Lane::normal));
  two.release();
  EXPECT_TRUE(capacity.take(Lane::normal));
}

TEST(Capacity, is_never_exceeded_by_several_loops) {
  constexpr std::uint32_t most = 3;
  Capacity capacity(most);
  std::atomic<std::uint32_t> inside = 0;
  std::atomic<bool> exceeded = false;
  std::vector<std::thread> loops;
  for (int loop = 0; loop < 4; ++loop) {
    loops.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const Capacity::Hold hold = capacity.take(Lane::normal);
        if (!hold) continue;
        if (inside.fetch_add(1) >= most) exceeded = true;
        inside.fetch_sub(1);
      }
    });
  }
  for (std::thread& loop : loops)
    loop.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(capacity.held(), 0U);
}

}  // namespace
}  // namespace rocket
