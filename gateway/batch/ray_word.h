#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace rocket {

// What the Serve replica beside this gateway has said of Ray, which shares out the lines of batches
// whose engine is `ray`. Any thread; times are those of one clock.
class RayWord {
 public:
  // A word is worth nothing any more after that.
  static constexpr Duration good_for = std::chrono::seconds(10);

  void hear(bool there, TimePoint now) {
    heard_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    there_.store(there, std::memory_order_relaxed);
  }

  // Why nobody asks the lines of such a batch; empty: somebody does, or will soon.
  [[nodiscard]] std::string_view trouble(TimePoint now) const {
    const TimePoint heard(Duration(heard_.load(std::memory_order_relaxed)));
    if (heard == TimePoint() || now - heard > good_for) {
      return "nobody on this node speaks to Ray";
    }
    return there_.load(std::memory_order_relaxed) ? "" : "Ray does not answer";
  }

 private:
  std::atomic<Duration::rep> heard_ = 0;
  std::atomic<bool> there_ = false;
};

}  // namespace rocket
