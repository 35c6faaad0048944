#pragma once

#include <optional>

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
  // How long the endpoint of the last failure has asked to be left alone, if nobody else hears of
  // it: another one had refused the request so before.
  [[nodiscard]] std::optional<Duration> unheeded() const { return unheeded_; }

 private:
  [[nodiscard]] bool leave_alone(RunningAttempt& attempt, ErrorCode code);
  [[nodiscard]] TimePoint now() const { return timers_.now(); }

  Timers& timers_;
  CircuitBreaker::Settings breaker_;
  Duration retry_after_max_;
  bool told_to_wait_ = false;
  std::optional<Duration> unheeded_;
};

}  // namespace rocket
