#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

namespace rocket {

// How one attempt ended, as far as it matters for what comes next.
struct AttemptReport {
  ErrorCode error;
  bool sent = false;      // bytes of the request may have reached the upstream
  bool reused = false;    // on a pooled connection
  bool answered = false;  // at least one byte of an answer came
};

enum class NextStep : unsigned char {
  same_endpoint,  // once more, on a fresh connection
  next_endpoint,  // another endpoint, then another candidate
  give_up,        // the error goes to the client
};

// Decides, before commit, what follows a failed attempt. One per exchange; pure.
//
// A request that was never sent, and one sent on a pooled connection that its server had closed
// meanwhile, cost nothing; every other failure counts against `attempts`. The client's own
// faults are never retried; a 4xx is an answer and does not come here, except 429.
class Retry {
 public:
  struct Settings {
    std::uint32_t attempts = 3;
    Duration backoff = std::chrono::milliseconds(25);
    Duration backoff_max = std::chrono::milliseconds(250);
  };

  explicit Retry(Settings settings) : settings_(settings) {}

  [[nodiscard]] NextStep after(const AttemptReport& report);

  // Of the attempt that follows a failure. The first failover is free and comes at once, and so
  // is every one after an attempt that cost nothing; the others spend from the retry budget, and
  // come after a pause, so that what is down is not beaten.
  [[nodiscard]] bool next_is_free() const { return free_; }
  [[nodiscard]] Duration pause(Random& random) const;

 private:
  Settings settings_;
  std::uint32_t counted_ = 0;
  bool free_ = true;
  bool stale_forgiven_ = false;
};

}  // namespace rocket
