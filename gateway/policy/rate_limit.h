#pragma once

#include <atomic>
#include <cstdint>
#include <expected>

#include "base/clock.h"

namespace rocket {

// So much per minute: a bucket that holds a minute's worth and fills at an even pace, so that a
// quiet client may spend its minute at once and a steady one is never refused.
//
// Kept as the one moment at which the bucket will be full again (the "generic cell rate
// algorithm" of ATM Forum TM 4.0), so that loops on several threads share it exactly and without
// a lock. Time is monotonic: setting the clock fills nothing.
class RateLimit {
 public:
  explicit RateLimit(std::uint32_t per_minute) : per_minute_(per_minute) {}
  RateLimit(const RateLimit&) = delete;
  RateLimit& operator=(const RateLimit&) = delete;

  struct Taken {
    Duration cost{};
    TimePoint good_at{};  // the bucket will have got it back by then
  };

  // Takes `amount` out of the bucket, or says after how long it could. More than a bucket holds
  // counts as all of it, so that nothing is refused for ever; settle() adds the rest.
  [[nodiscard]] std::expected<Taken, Duration> take(std::uint64_t amount, TimePoint now);

  // What was taken turned out to be `amount`. What was too much is given back as far as time has
  // not done so already; what was too little is taken now, into debt if need be.
  void settle(const Taken& taken, std::uint64_t amount, TimePoint now);

  struct State {
    std::uint32_t limit = 0;
    std::uint32_t remaining = 0;
    Duration reset{};  // until the bucket is full
  };
  [[nodiscard]] State state(TimePoint now) const;

 private:
  [[nodiscard]] Duration cost_of(std::uint64_t amount) const;

  const std::uint32_t per_minute_;
  std::atomic<TimePoint> full_at_ = TimePoint::min();
};

}  // namespace rocket
