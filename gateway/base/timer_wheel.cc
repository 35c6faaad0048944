#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace rocket {
namespace {

constexpr Duration tick_length = std::chrono::milliseconds(1);

}  // namespace

TimerWheel::TimerWheel(TimePoint start, RunQueue& queue) : start_(start), queue_(queue) {}

std::uint64_t TimerWheel::tick_at_or_after(TimePoint time) const {
  if (time <= start_) return 0;
  const Duration elapsed = time - start_;
  return static_cast<std::uint64_t>(elapsed / tick_length) + (elapsed % tick_length != Duration{});
}

void TimerWheel::arm(Waiter& waiter, TimePoint deadline) {
  waiter.timer.unlink();
  if (deadline == never) return;
  waiter.timer.deadline = deadline;
  place(waiter.timer);
}

void TimerWheel::place(Waiter::TimerHook& hook) {
  constexpr std::uint64_t span = std::uint64_t{1} << (levels * slot_bits);
  // A deadline in the past still goes to the next tick: waking is advance()'s business alone.
  const std::uint64_t tick =
      std::clamp(tick_at_or_after(hook.deadline), tick_ + 1, tick_ + span - 1);
  const std::uint64_t differing = tick ^ tick_;
  const int level =
      std::min((static_cast<int>(std::bit_width(differing)) - 1) / slot_bits, levels - 1);
  const std::uint64_t slot = (tick >> (level * slot_bits)) % slots;
  occupied_[static_cast<size_t>(level)] |= std::uint64_t{1} << slot;
  hook.link_before(wheel_[static_cast<size_t>(level)][slot]);
}

void TimerWheel::cascade(int level) {
  const std::uint64_t slot = (tick_ >> (level * slot_bits)) % slots;
  if (slot == 0 && level + 1 < levels) cascade(level + 1);
  ListHook& head = wheel_[static_cast<size_t>(level)][slot];
  occupied_[static_cast<size_t>(level)] &= ~(std::uint64_t{1} << slot);
  ListHook moved;
  while (head.linked())
    head.next()->link_before(moved);
  while (moved.linked()) {
    auto& hook = *static_cast<Waiter::TimerHook*>(moved.next());
    // Due at this very tick: it would be placed one tick late.
    if (tick_at_or_after(hook.deadline) <= tick_) {
      queue_.push(hook.waiter, Wake::timed_out);
    } else {
      place(hook);
    }
  }
}

void TimerWheel::expire(ListHook& slot) {
  while (slot.linked()) {
    queue_.push(static_cast<Waiter::TimerHook*>(slot.next())->waiter, Wake::timed_out);
  }
}

// The first tick after this one at which an occupied slot begins. In the lower levels nothing
// stands at or behind the current slot; the top one wraps round, its current slot being the last.
std::uint64_t TimerWheel::next_tick() const {
  for (int level = 0; level < levels; ++level) {
    const auto& wheel = wheel_[static_cast<size_t>(level)];
    auto& bits = occupied_[static_cast<size_t>(level)];
    const std::uint64_t next = (tick_ >> (level * slot_bits)) + 1;
    while (bits != 0) {
      const int ahead = std::countr_zero(std::rotr(bits, static_cast<int>(next % slots)));
      const std::uint64_t slot = next + static_cast<std::uint64_t>(ahead);
      if (wheel[slot % slots].linked()) return slot << (level * slot_bits);
      bits &= ~(std::uint64_t{1} << (slot % slots));
    }
  }
  return no_tick;
}

void TimerWheel::advance(TimePoint now) {
  if (now < start_) return;
  const auto target = static_cast<std::uint64_t>((now - start_) / tick_length);
  while (tick_ < target) {
    tick_ = std::min(next_tick(), target);
    const std::uint64_t slot = tick_ % slots;
    if (slot == 0) cascade(1);
    occupied_[0] &= ~(std::uint64_t{1} << slot);
    expire(wheel_[0][slot]);
  }
}

TimePoint TimerWheel::next_expiry() const {
  const std::uint64_t tick = next_tick();
  return tick == no_tick ? never : start_ + tick_length * static_cast<Duration::rep>(tick);
}

}  // namespace rocket
