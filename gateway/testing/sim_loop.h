#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/timer_wheel.h"
#include "net/io.h"

namespace rocket {

// An event loop whose clock is a number: it jumps to whatever happens next, so that minutes pass
// in microseconds and the same run happens again each time. Waiters sleep in the real
// TimerWheel and wake with its resolution; events of the simulated world come on the nanosecond.
class SimLoop final : public Timers {
 public:
  SimLoop() : wheel_(now_, queue_) {}

  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] TimePoint clock() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch()));
  }
  void arm(Waiter& waiter, TimePoint deadline) override { wheel_.arm(waiter, deadline); }
  [[nodiscard]] RunQueue& run_queue() override { return queue_; }

  // Calls `event` at `when`, or at once in the loop's next turn if that has passed. Events of
  // the same time come in the order in which they were asked for.
  void at(TimePoint when, std::move_only_function<void()> event);

  // Lets everything happen that happens up to and at `end`; it is then `end`.
  void run_until(TimePoint end);
  void run_for(Duration time) { run_until(now_ + time); }

  // Runs until nothing is left to happen, for at most `limit`; whether it came to that.
  [[nodiscard]] bool run_until_idle(Duration limit);

 private:
  [[nodiscard]] TimePoint next_event() const;
  void turn(TimePoint now);

  // Not zero, so that a time before the start is one too.
  TimePoint now_{std::chrono::hours(1)};
  RunQueue queue_;
  TimerWheel wheel_;
  std::uint64_t sequence_ = 0;
  std::map<std::pair<TimePoint, std::uint64_t>, std::move_only_function<void()>> events_;
};

}  // namespace rocket
