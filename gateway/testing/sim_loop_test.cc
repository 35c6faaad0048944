#include "testing/sim_loop.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(SimLoop, events_come_in_order_and_the_clock_jumps) {
  SimLoop loop;
  const TimePoint start = loop.now();
  std::vector<std::pair<int, Duration>> seen;
  const auto note = [&](int number) {
    return [&, number] { seen.emplace_back(number, loop.now() - start); };
  };
  loop.at(start + 24h, note(3));
  loop.at(start + 5ns, note(1));
  loop.at(start + 5ns, note(2));
  loop.at(start - 1s, note(0));
  loop.run_until(start + 23h);
  EXPECT_EQ(loop.now(), start + 23h);
  EXPECT_FALSE(loop.run_until_idle(59min));
  EXPECT_TRUE(loop.run_until_idle(2h));
  EXPECT_EQ(loop.now(), start + 24h);
  EXPECT_EQ(seen, (std::vector<std::pair<int, Duration>>{{0, 0ns}, {1, 5ns}, {2, 5ns}, {3, 24h}}));
  EXPECT_TRUE(loop.run_until_idle(1h));
}

Task<> sleep_until(SimLoop& loop, TimePoint deadline, TimePoint& woken) {
  co_await SleepUntil(loop, deadline);
  woken = loop.now();
}

TEST(SimLoop, sleepers_wake_at_most_a_tick_late) {
  SimLoop loop;
  TaskGroup tasks(loop.run_queue());
  const TimePoint start = loop.now();
  for (const Duration time : {Duration(1ms), Duration(1500us), Duration(30s), Duration(240h)}) {
    TimePoint woken{};
    const TimePoint deadline = start + time;
    tasks.spawn(sleep_until(loop, deadline, woken));
    EXPECT_TRUE(loop.run_until_idle(Duration::max()));
    EXPECT_GE(woken, deadline);
    EXPECT_LE(woken, std::max(deadline, start) + 1ms);
  }
}

}  // namespace
}  // namespace rocket
