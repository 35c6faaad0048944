#pragma once

#include "proxy/fetch.h"
#include "proxy/loop_state.h"

namespace rocket {

// Sends one loop's traces to the collector, batch by batch and beside everything else: no request
// waits for it. What the collector does not take, or not soon, is dropped and counted; one that
// says when to come again (Retry-After) is sent nothing until then.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
class TraceSender {
 public:
  explicit TraceSender(LoopState& loop) : loop_(loop) {}

  // For ever: whenever LoopState::traces says that some are due.
  [[nodiscard]] Task<void> run();
  // Nothing waits, and nothing is on its way.
  [[nodiscard]] bool idle() const { return !sending_ && loop_.traces.size() == 0; }

 private:
  // False: it was dropped.
  [[nodiscard]] Task<bool> send_batch();
  // Whether the batch was taken, in part at least.
  [[nodiscard]] bool heed(const Fetched& answer);

  LoopState& loop_;
  TimePoint not_before_{};
  bool sending_ = false;
};

}  // namespace rocket
