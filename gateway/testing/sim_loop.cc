#include "testing/sim_loop.h"

#include <algorithm>

#include "base/assert.h"

namespace rocket {

void SimLoop::at(TimePoint when, std::move_only_function<void()> event) {
  events_.emplace(std::pair(std::max(when, now_), sequence_++), std::move(event));
}

TimePoint SimLoop::next_event() const {
  if (!queue_.empty()) return now_;
  const TimePoint event = events_.empty() ? never : events_.begin()->first.first;
  return std::min(event, wheel_.next_expiry());
}

void SimLoop::turn(TimePoint now) {
  now_ = now;
  wheel_.advance(now_);
  while (!events_.empty() && events_.begin()->first.first <= now_) {
    auto event = events_.extract(events_.begin());
    event.mapped()();
  }
  // Ready work may make more of it, but not for ever while the clock stands still.
  constexpr int rounds_max = 1'000'000;
  int rounds = 0;
  while (!queue_.empty()) {
    queue_.drain();
    ROCKET_ASSERT(++rounds < rounds_max);
  }
}

void SimLoop::run_until(TimePoint end) {
  ROCKET_ASSERT(end != never);
  while (next_event() <= end)
    turn(next_event());
  turn(std::max(end, now_));
}

bool SimLoop::run_until_idle(Duration limit) {
  const TimePoint end = deadline_after(now_, limit);
  while (next_event() != never) {
    if (next_event() > end) return false;
    turn(next_event());
  }
  return true;
}

}  // namespace rocket
