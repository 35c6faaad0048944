#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "base/lane.h"

namespace rocket {

// How many may be somewhere at once, counted exactly over all loops; no lock.
//
// Batch work fills only what people leave: while there is more than one place, an eighth of them,
// one at least, is not for the batch lane.
class Capacity {
 public:
  // 0: no limit.
  explicit Capacity(std::uint32_t most = 0) : most_(most) {}
  Capacity(const Capacity&) = delete;
  Capacity& operator=(const Capacity&) = delete;

  // Those who are in stay in.
  void set_most(std::uint32_t most) { most_.store(most, std::memory_order_relaxed); }

  [[nodiscard]] bool full(Lane lane) const { return held() >= most(lane); }
  [[nodiscard]] std::uint32_t held() const { return held_.load(std::memory_order_relaxed); }

  // One of what is counted; un-counted when it is destroyed. The capacity outlives it.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept : capacity_(std::exchange(other.capacity_, nullptr)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(capacity_, other.capacity_);
      return *this;
    }
    ~Hold() { release(); }

    void release() {
      if (capacity_ != nullptr) capacity_->held_.fetch_sub(1, std::memory_order_relaxed);
      capacity_ = nullptr;
    }
    [[nodiscard]] explicit operator bool() const { return capacity_ != nullptr; }

   private:
    friend class Capacity;
    explicit Hold(Capacity* capacity) : capacity_(capacity) {}
    Capacity* capacity_ = nullptr;
  };

  // An empty hold: it is full.
  [[nodiscard]] Hold take(Lane lane) {
    // Two loops that find the last place together both give way, which is never one too many.
    if (held_.fetch_add(1, std::memory_order_relaxed) < most(lane)) return Hold(this);
    held_.fetch_sub(1, std::memory_order_relaxed);
    return Hold();
  }

 private:
  [[nodiscard]] std::uint32_t most(Lane lane) const {
    const std::uint32_t most = most_.load(std::memory_order_relaxed);
    if (most == 0) return UINT32_MAX;
    if (lane != Lane::batch || most == 1) return most;
    return most - std::max<std::uint32_t>(most / 8, 1);
  }

  std::atomic<std::uint32_t> most_;
  std::atomic<std::uint32_t> held_ = 0;
};

}  // namespace rocket
