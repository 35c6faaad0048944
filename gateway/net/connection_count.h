#pragma once

#include <cstddef>

#include "base/waiter.h"

namespace rocket {

// How many client connections are held, and a place to wait while they are too many. One per
// loop and port; outlives its places.
class ConnectionCount {
 public:
  ConnectionCount(RunQueue& queue, size_t most) : most_(most), freed_(queue) {}

  void set_most(size_t most) {
    most_ = most;
    freed_.signal_all();
  }
  [[nodiscard]] bool full() const { return held_ >= most_; }
  [[nodiscard]] size_t held() const { return held_; }
  [[nodiscard]] WaitSlot& freed() { return freed_; }

  // Counts one connection for as long as it lives.
  class Place {
   public:
    explicit Place(ConnectionCount& count) : count_(count) { ++count_.held_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      --count_.held_;
      count_.freed_.signal_all();
    }

   private:
    ConnectionCount& count_;
  };

 private:
  size_t most_;
  size_t held_ = 0;
  WaitSlot freed_;
};

}  // namespace rocket
