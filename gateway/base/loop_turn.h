#pragma once

#include <atomic>

namespace rocket {

// What the loops take in turns: for the few instructions that something shared by all of them
// needs, away from the path that every request takes. Nothing that waits, and nothing large to
// free, happens within a turn.
class LoopTurn {
 public:
  // `taken` outlives it and is nobody else's.
  explicit LoopTurn(std::atomic_flag& taken) : taken_(taken) {
    while (taken_.test_and_set(std::memory_order_acquire))
      taken_.wait(true, std::memory_order_relaxed);
  }
  LoopTurn(const LoopTurn&) = delete;
  LoopTurn& operator=(const LoopTurn&) = delete;
  ~LoopTurn() {
    taken_.clear(std::memory_order_release);
    taken_.notify_one();
  }

 private:
  std::atomic_flag& taken_;
};

}  // namespace rocket
