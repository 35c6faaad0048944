#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace rocket {

// Monotonic time. Decisions take it as an argument; only an event loop reads the clock.
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// A deadline that never comes.
inline constexpr TimePoint never = TimePoint::max();

// now + timeout, without overflow: a timeout of Duration::max() means never.
[[nodiscard]] constexpr TimePoint deadline_after(TimePoint now, Duration timeout) {
  return timeout >= never - now ? never : now + timeout;
}

// `first`, doubled so many times, and `most` at most; without overflow.
[[nodiscard]] constexpr Duration doubled(Duration first, std::uint32_t times, Duration most) {
  if (first == Duration::zero()) return first;
  for (; times != 0 && first < most; --times)
    first = first > most / 2 ? most : first * 2;
  return std::min(first, most);
}

[[nodiscard]] constexpr double to_ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace rocket
