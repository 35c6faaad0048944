#pragma once

#include "net/io.h"
#include "proxy/running_attempt.h"

namespace rocket {

// What those who would ask an endpoint next learn of the failures of one exchange: its breaker, and
// who stays away for a while.
class Aftermath {
 public:
  Aftermath(Timers& timers, const CircuitBreaker::Settings& breaker, Duration retry_after_max)
      : timers_(timers), breaker_(breaker), retry_after_max_(retry_after_max) {}

  void hold_against(RunningAttempt& attempt, const Error& error);

 private:
  [[nodiscard]] bool leave_alone(RunningAttempt& attempt, ErrorCode code);
  [[nodiscard]] TimePoint now() const { return timers_.now(); }

  Timers& timers_;
  CircuitBreaker::Settings breaker_;
  Duration retry_after_max_;
  bool told_to_wait_ = false;
};

}  // namespace rocket
