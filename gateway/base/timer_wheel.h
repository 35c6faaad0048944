#pragma once

#include <array>
#include <cstdint>

#include "base/waiter.h"

namespace rocket {

// Deadlines of waiters, in a hierarchical timing wheel (Varghese and Lauck, 1987): arming and
// disarming are O(1), because nearly every deadline of a gateway is disarmed before it comes.
//
// Five levels of 64 slots; a tick is one millisecond, so the wheel spans 12 days and a farther
// deadline is looked at again then. A waiter wakes at most one tick late and never early.
// Pure: takes `now`, reads no clock; owned by one loop. Destroying a waiter disarms it.
class TimerWheel {
 public:
  TimerWheel(TimePoint start, RunQueue& queue);

  // Wakes `waiter` with Wake::timed_out once `deadline` is reached, unless it is signalled or
  // destroyed before. `never` arms nothing.
  void arm(Waiter& waiter, TimePoint deadline);

  // Queues every waiter whose deadline, rounded up to a whole tick, is at or before `now`.
  void advance(TimePoint now);

  // When advance() should next be called: no later than the tick at which the earliest deadline
  // wakes its waiter; `never` if nothing is armed. Calling it then may find nothing to wake.
  [[nodiscard]] TimePoint next_expiry() const;

 private:
  static constexpr int levels = 5;
  static constexpr int slot_bits = 6;
  static constexpr std::uint64_t slots = 1U << slot_bits;
  static constexpr std::uint64_t no_tick = ~std::uint64_t{0};

  [[nodiscard]] std::uint64_t tick_at_or_after(TimePoint time) const;
  [[nodiscard]] std::uint64_t next_tick() const;
  void place(Waiter::TimerHook& hook);
  void cascade(int level);
  void expire(ListHook& slot);

  TimePoint start_;
  RunQueue& queue_;
  std::uint64_t tick_ = 0;  // every deadline up to here has been queued
  std::array<std::array<ListHook, slots>, levels> wheel_;
  // A bit per slot that may hold waiters; cleared lazily, since unlinking a waiter can not.
  mutable std::array<std::uint64_t, levels> occupied_{};
};

}  // namespace rocket
