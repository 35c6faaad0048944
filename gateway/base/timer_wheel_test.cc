#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};
constexpr Duration tick = 1ms;

enum class State { idle, armed, timed_out, signalled };

// A waiter is never resumed here: which lists it stands in tells all.
State state_of(const Waiter& waiter) {
  if (waiter.timer.linked()) return State::armed;
  if (!waiter.park.linked()) return State::idle;
  return waiter.wake == Wake::timed_out ? State::timed_out : State::signalled;
}

struct WakeCase {
  const char* name;
  Duration armed_at;  // since the start, as are the others
  Duration deadline;
  Duration not_yet;
  Duration woken;
};

class TimerWheelWakes : public testing::TestWithParam<WakeCase> {};

TEST_P(TimerWheelWakes, at_its_tick) {
  const WakeCase& given = GetParam();
  RunQueue queue;
  TimerWheel wheel(start, queue);
  Waiter waiter;
  wheel.advance(start + given.armed_at);
  wheel.arm(waiter, start + given.deadline);
  EXPECT_LE(wheel.next_expiry(), start + given.woken);
  wheel.advance(start + given.not_yet);
  EXPECT_EQ(state_of(waiter), State::armed);
  EXPECT_LE(wheel.next_expiry(), start + given.woken);
  EXPECT_GT(wheel.next_expiry(), start + given.not_yet);
  wheel.advance(start + given.woken);
  EXPECT_EQ(state_of(waiter), State::timed_out);
  EXPECT_EQ(wheel.next_expiry(), never);
}

constexpr Duration span = tick * (1 << 30);  // what the wheel covers: about 12 days
constexpr Duration day = 24h;

INSTANTIATE_TEST_SUITE_P(
    Cases, TimerWheelWakes,
    testing::Values(WakeCase{"next_tick", 0ms, 1ms, 0ms, 1ms},
                    WakeCase{"rounded_up", 0ms, 1500us, 1ms, 2ms},
                    WakeCase{"now", 5ms, 5ms, 5ms, 6ms},
                    WakeCase{"in_the_past", 5ms, 1ms, 5ms, 6ms},
                    WakeCase{"before_the_start", 5ms, -1s, 5ms, 6ms},
                    WakeCase{"last_slot_of_level_0", 0ms, 63ms, 62ms, 63ms},
                    WakeCase{"first_of_level_1", 0ms, 64ms, 63ms, 64ms},
                    WakeCase{"across_a_turn", 63ms, 65ms, 64ms, 65ms},
                    WakeCase{"first_of_level_2", 1ms, 4096ms, 4095ms, 4096ms},
                    WakeCase{"odd", 7ms, 300'007ms, 300'006ms, 300'007ms},
                    WakeCase{"a_day", 0ms, day, day - tick, day},
                    WakeCase{"one_span", 0ms, span, span - tick, span},
                    WakeCase{"a_span_less_one", 3ms, span + 2ms, span + 1ms, span + 2ms},
                    WakeCase{"past_the_span", 3ms, 30 * day, 30 * day - tick, 30 * day},
                    WakeCase{"across_the_span", span - 5ms, span + 10ms, span + 9ms, span + 10ms},
                    WakeCase{"wrapped_to_the_current_slot", span - 5ms, 2 * span - 7ms,
                             2 * span - 8ms, 2 * span - 7ms}),
    [](const auto& tested) { return tested.param.name; });

TEST(TimerWheel, never_arms_nothing) {
  RunQueue queue;
  TimerWheel wheel(start, queue);
  Waiter waiter;
  wheel.arm(waiter, never);
  EXPECT_EQ(state_of(waiter), State::idle);
  EXPECT_EQ(wheel.next_expiry(), never);
}

TEST(TimerWheel, arming_again_replaces_the_deadline) {
  RunQueue queue;
  TimerWheel wheel(start, queue);
  Waiter waiter;
  wheel.arm(waiter, start + 10ms);
  wheel.arm(waiter, start + 20ms);
  wheel.advance(start + 19ms);
  EXPECT_EQ(state_of(waiter), State::armed);
  wheel.advance(start + 20ms);
  EXPECT_EQ(state_of(waiter), State::timed_out);
}

TEST(TimerWheel, a_signal_disarms) {
  RunQueue queue;
  TimerWheel wheel(start, queue);
  Waiter waiter;
  wheel.arm(waiter, start + 10ms);
  queue.push(waiter, Wake::signalled);
  wheel.advance(start + 20ms);
  EXPECT_EQ(state_of(waiter), State::signalled);
}

TEST(TimerWheel, a_time_out_leaves_the_slot) {
  RunQueue queue;
  TimerWheel wheel(start, queue);
  WaitSlot slot(queue);
  Waiter waiter;
  slot.park(waiter);
  wheel.arm(waiter, start + 10ms);
  wheel.advance(start + 10ms);
  EXPECT_FALSE(slot.occupied());
  slot.signal_all();
  EXPECT_EQ(state_of(waiter), State::timed_out);
}

TEST(TimerWheel, outlived_by_a_waiter) {
  RunQueue queue;
  Waiter waiter;
  {
    TimerWheel wheel(start, queue);
    wheel.arm(waiter, start + 10ms);
  }
  EXPECT_NE(state_of(waiter), State::armed);
}

TEST(TimerWheel, a_month_of_nothing_is_skipped) {
  RunQueue queue;
  TimerWheel wheel(start, queue);
  Waiter waiter;
  wheel.arm(waiter, start + 100000 * day);
  // Millisecond by millisecond this would take hours.
  int calls = 0;
  while (state_of(waiter) == State::armed && calls < 20'000) {
    wheel.advance(wheel.next_expiry());
    ++calls;
  }
  EXPECT_EQ(state_of(waiter), State::timed_out);
}

// The wheel beside a sorted map, driven by a seed.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed), wheel_(start, queue_) {}

  void step() {
    switch (random_.uniform(8)) {
      case 0:
      case 1:
      case 2: arm(); break;
      case 3: destroy(); break;
      case 4: signal(); break;
      case 5: advance(wheel_.next_expiry()); break;
      default: advance(now_ + random_span()); break;
    }
    check();
  }

  // Until nothing is armed, by next_expiry() alone.
  void finish() {
    while (wheel_.next_expiry() != never) {
      advance(wheel_.next_expiry());
      check();
    }
    EXPECT_TRUE(due_.empty());
  }

 private:
  struct Armed {
    std::unique_ptr<Waiter> waiter;
    TimePoint deadline;
  };
  // By the time from which the waiter may not sleep on.
  using Due = std::multimap<TimePoint, Armed>;

  // From nanoseconds to 30 days, every magnitude alike.
  Duration random_span() {
    constexpr std::uint64_t longest = std::chrono::nanoseconds(30 * day).count();
    return Duration(static_cast<Duration::rep>(random_.next() % longest >> random_.uniform(52)));
  }

  void arm() {
    const TimePoint deadline =
        random_.uniform(10) == 0 ? now_ - random_span() : now_ + random_span();
    auto waiter = std::make_unique<Waiter>();
    wheel_.arm(*waiter, deadline);
    due_.emplace(std::max(deadline, now_) + tick, Armed{std::move(waiter), deadline});
  }

  Due::iterator any() {
    return std::next(due_.begin(), static_cast<std::ptrdiff_t>(random_.uniform(due_.size())));
  }
  void destroy() {
    if (!due_.empty()) due_.erase(any());
  }
  void signal() {
    if (due_.empty()) return;
    const auto chosen = any();
    queue_.push(*chosen->second.waiter, Wake::signalled);
    due_.erase(chosen);
  }

  void advance(TimePoint to) {
    if (to == never) return;
    now_ = std::max(now_, to);
    wheel_.advance(now_);
    for (auto at = due_.begin(); at != due_.end();) {
      const Armed& armed = at->second;
      if (state_of(*armed.waiter) == State::armed) {
        ASSERT_GT(at->first, now_) << "more than a tick late";
        ++at;
        continue;
      }
      ASSERT_EQ(state_of(*armed.waiter), State::timed_out);
      ASSERT_LE(armed.deadline, now_) << "early";
      at = due_.erase(at);
    }
    ASSERT_TRUE(queue_.empty()) << "woken, and not in the model";
  }

  void check() const {
    if (due_.empty()) {
      ASSERT_EQ(wheel_.next_expiry(), never);
    } else {
      ASSERT_LE(wheel_.next_expiry(), due_.begin()->first);
      ASSERT_GT(wheel_.next_expiry(), now_);
    }
  }

  Random random_;
  RunQueue queue_;
  TimerWheel wheel_;
  TimePoint now_ = start;
  Due due_;
};

TEST(TimerWheel, agrees_with_a_sorted_map) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Model model(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFatalFailure(); ++i)
      model.step();
    model.finish();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace rocket
