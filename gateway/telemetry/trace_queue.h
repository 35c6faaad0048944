#pragma once

#include <cstddef>
#include <vector>

#include "base/waiter.h"
#include "telemetry/receipt.h"

namespace rocket {

// Receipts of one loop whose spans wait to be sent. Bounded: what finds it full is dropped, for no
// request ever waits for its trace.
class TraceQueue {
 public:
  static constexpr std::size_t batch = 64;

  explicit TraceQueue(RunQueue& queue) : due_(queue) {}

  // False: dropped.
  [[nodiscard]] bool push(const Receipt& receipt, std::size_t most) {
    if (waiting_.size() >= most) return false;
    waiting_.push_back(receipt);
    if (waiting_.size() == batch) due_.signal_one();
    return true;
  }
  // At most a batch, the oldest first.
  [[nodiscard]] std::vector<Receipt> take() {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(batch, size()));
    std::vector<Receipt> taken(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    return taken;
  }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

  // Signalled when there is a batch, and by the loop's chores when there is anything.
  [[nodiscard]] WaitSlot& due() { return due_; }

 private:
  std::vector<Receipt> waiting_;
  WaitSlot due_;
};

}  // namespace rocket
