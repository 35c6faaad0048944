#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace rocket {

// Bounds what retries, moves and hedges may add to the load of upstreams: a bucket that each
// client request fills a little and each extra attempt takes one from, so that when everything
// fails the upstreams see hardly more than the clients sent (Google SRE book, "Handling
// Overload"; Finagle's RetryBudget).
//
// Shared by all loops; no lock. The clock is passed in.
class RetryBudget {
 public:
  struct Settings {
    double per_request = 0.2;
    double per_second = 3;
  };
  static constexpr double stored_max = 100;

  // Begins with what one second brings.
  explicit RetryBudget(Settings settings) { set(settings); }

  // Keeps what is stored.
  void set(Settings settings) {
    per_request_ = thousandths(settings.per_request);
    per_second_ = thousandths(settings.per_second);
  }

  // A client request has come.
  void deposit() { add(per_request_.load(std::memory_order_relaxed)); }

  // One more attempt than there are client requests. False: it would be one too many.
  [[nodiscard]] bool try_spend(TimePoint now) {
    refill(now);
    std::int64_t stored = stored_.load(std::memory_order_relaxed);
    while (stored >= one) {
      if (stored_.compare_exchange_weak(stored, stored - one, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  // The attempt was not made after all.
  void refund() { add(one); }

 private:
  static constexpr std::int64_t one = 1000;
  static std::int64_t thousandths(double tokens) {
    return static_cast<std::int64_t>(tokens * static_cast<double>(one));
  }

  void add(std::int64_t tokens) {
    std::int64_t stored = stored_.load(std::memory_order_relaxed);
    const std::int64_t most = thousandths(stored_max);
    while (stored < most && !stored_.compare_exchange_weak(stored, std::min(stored + tokens, most),
                                                           std::memory_order_relaxed)) {
    }
  }

  // For the time since the last refill; whoever moves the mark adds it.
  void refill(TimePoint now) {
    TimePoint::rep then = refilled_at_.load(std::memory_order_relaxed);
    const TimePoint::rep ticks = now.time_since_epoch().count();
    // A longer pause fills it anyway, and this keeps the product small.
    const Duration elapsed =
        then == 0 ? Duration(std::chrono::seconds(1))
                  : std::min(Duration(ticks - then), Duration(std::chrono::minutes(10)));
    const std::int64_t tokens =
        elapsed.count() / 1000 * per_second_.load(std::memory_order_relaxed) / 1'000'000;
    if (tokens <= 0) return;
    if (refilled_at_.compare_exchange_strong(then, ticks, std::memory_order_relaxed)) add(tokens);
  }

  std::atomic<std::int64_t> per_request_ = 0;
  std::atomic<std::int64_t> per_second_ = 0;
  std::atomic<std::int64_t> stored_ = 0;
  std::atomic<TimePoint::rep> refilled_at_ = 0;
};

}  // namespace rocket
