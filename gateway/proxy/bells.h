#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace rocket {

// How one loop tells the others that a place has come free: a request waits at its own loop, and
// places are shared by all.
//
// hang() is called before the loops run; the rest from any loop, without a lock.
class Bells {
 public:
  static constexpr std::size_t loops_max = 64;

  // `ring` is called from other loops' threads and has loop `index` look at its queue soon.
  void hang(std::size_t index, std::function<void()> ring) {
    if (rings_.size() <= index) rings_.resize(index + 1);
    rings_[index] = std::move(ring);
  }

  void set_waiting(std::size_t index, bool waiting) {
    const std::uint64_t bit = std::uint64_t{1} << index;
    if (waiting) {
      waiting_.fetch_or(bit, std::memory_order_relaxed);
    } else {
      waiting_.fetch_and(~bit, std::memory_order_relaxed);
    }
  }

  // Rings at the loops that have requests waiting, but for loop `index`.
  void ring_others(std::size_t index) const {
    const std::uint64_t own = std::uint64_t{1} << index;
    const std::uint64_t others = waiting_.load(std::memory_order_relaxed) & ~own;
    if (others == 0) return;
    for (std::size_t i = 0; i < rings_.size(); ++i) {
      if ((others >> i & 1U) != 0) rings_[i]();
    }
  }

 private:
  std::vector<std::function<void()>> rings_;
  std::atomic<std::uint64_t> waiting_ = 0;
};

}  // namespace rocket
