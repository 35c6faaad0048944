#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/waiter.h"
#include "telemetry/receipt.h"

namespace rocket {

// An ended request as its spans tell it.
struct TracedRequest {
  struct Server {
    std::string host;  // empty: it is not known
    std::uint16_t port = 0;
  };

  Receipt receipt;
  std::string state;            // the caller's tracestate
  std::vector<Server> servers;  // of each of the receipt's attempts
};

// Requests of one loop whose spans wait to be sent. Bounded: what finds it full is dropped, for no
// request ever waits for its trace.
class TraceQueue {
 public:
  static constexpr std::size_t batch = 64;

  explicit TraceQueue(RunQueue& queue) : due_(queue) {}

  // False: dropped.
  [[nodiscard]] bool push(TracedRequest request, std::size_t most) {
    if (waiting_.size() >= most) return false;
    waiting_.push_back(std::move(request));
    if (waiting_.size() == batch) due_.signal_one();
    return true;
  }
  // At most a batch, the oldest first.
  [[nodiscard]] std::vector<TracedRequest> take() {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(batch, size()));
    std::vector<TracedRequest> taken(std::move_iterator(waiting_.begin()), std::move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return taken;
  }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

  // Signalled when there is a batch, and by the loop's chores when there is anything.
  [[nodiscard]] WaitSlot& due() { return due_; }

 private:
  std::vector<TracedRequest> waiting_;
  WaitSlot due_;
};

}  // namespace rocket
