#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace rocket {

// When to give free memory back to the system, which the allocator keeps: when a crowd has gone,
// that is, when what is held has been below a quarter of its highest for a while and that was much.
// Seldom, since giving back costs time.
class EbbWatch {
 public:
  static constexpr std::uint64_t worthwhile_bytes = 8 * 1024 * 1024;
  static constexpr Duration pause = std::chrono::seconds(5);

  // To be asked now and then.
  [[nodiscard]] bool ebbed(std::uint64_t held_bytes, TimePoint now) {
    highest_ = std::max(highest_, held_bytes);
    if (highest_ < worthwhile_bytes || held_bytes > highest_ / 4) {
      low_since_ = never;
      return false;
    }
    low_since_ = std::min(low_since_, now);
    if (now < deadline_after(low_since_, pause)) return false;
    highest_ = held_bytes;
    low_since_ = never;
    return true;
  }

 private:
  std::uint64_t highest_ = 0;
  TimePoint low_since_ = never;
};

}  // namespace rocket
