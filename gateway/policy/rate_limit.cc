#include "policy/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace rocket {
namespace {

constexpr Duration minute = std::chrono::minutes(1);
// What one request can cost at most, whatever an upstream says it used.
constexpr Duration cost_max = std::chrono::hours(24);

}  // namespace

// Rounded down, so that a bucket of n can be taken from n times.
Duration RateLimit::cost_of(std::uint64_t amount) const {
  const double share = static_cast<double>(amount) / per_minute_;
  const double cost = share * static_cast<double>(minute.count());
  if (cost >= static_cast<double>(cost_max.count())) return cost_max;
  return Duration(static_cast<Duration::rep>(cost));
}

std::expected<RateLimit::Taken, Duration> RateLimit::take(std::uint64_t amount, TimePoint now) {
  const Duration cost = std::min(cost_of(amount), minute);
  TimePoint full_at = full_at_.load(std::memory_order_relaxed);
  while (true) {
    const TimePoint after = std::max(full_at, now) + cost;
    if (after - now > minute) return std::unexpected(after - now - minute);
    if (full_at_.compare_exchange_weak(full_at, after, std::memory_order_relaxed)) {
      return Taken{cost, after};
    }
  }
}

void RateLimit::settle(const Taken& taken, std::uint64_t amount, TimePoint now) {
  const Duration cost = cost_of(amount);
  // Given back late, it would be there twice: the bucket has filled meanwhile.
  const Duration back =
      std::min(taken.cost - cost, std::max(taken.good_at - now, Duration::zero()));
  TimePoint full_at = full_at_.load(std::memory_order_relaxed);
  while (true) {
    const TimePoint after =
        back >= Duration::zero() ? full_at - back : std::max(full_at, now) - back;
    if (full_at_.compare_exchange_weak(full_at, after, std::memory_order_relaxed)) return;
  }
}

RateLimit::State RateLimit::state(TimePoint now) const {
  const TimePoint full_at = full_at_.load(std::memory_order_relaxed);
  const Duration reset = std::max(full_at, now) - now;
  constexpr double rounding = 1e-6;  // what cost_of() and doubles leave out
  const double left = 1 - static_cast<double>(reset.count()) / static_cast<double>(minute.count());
  const double remaining = std::floor(std::max(left, 0.0) * per_minute_ + rounding);
  return {per_minute_, static_cast<std::uint32_t>(remaining), reset};
}

}  // namespace rocket
