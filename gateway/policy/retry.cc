#include "policy/retry.h"

#include <algorithm>

namespace rocket {

NextStep Retry::after(const AttemptReport& report) {
  switch (report.error) {
    case ErrorCode::upstream_closed:
      if (report.reused && !report.answered && !stale_forgiven_) {
        stale_forgiven_ = true;
        return NextStep::same_endpoint;
      }
      break;
    case ErrorCode::connect_refused:
    case ErrorCode::connect_timeout:
    case ErrorCode::connect_failed:
    case ErrorCode::upstream_garbage:
    case ErrorCode::upstream_too_large:
    case ErrorCode::upstream_status:
    case ErrorCode::upstream_unauthorized:
    case ErrorCode::upstream_unavailable:
    case ErrorCode::upstream_overloaded:
    case ErrorCode::upstream_loading:
    case ErrorCode::upstream_limited:
    case ErrorCode::upstream_error_event:
    case ErrorCode::load_timeout:
    case ErrorCode::first_token_timeout:
    case ErrorCode::idle_timeout: break;
    // The whole exchange is out of time, or the fault is not the upstream's.
    default: return NextStep::give_up;
  }
  if (report.sent) ++counted_;
  free_ = !report.sent || counted_ == 1;
  return counted_ < settings_.attempts ? NextStep::next_endpoint : NextStep::give_up;
}

Duration Retry::pause(Random& random) const {
  if (free_) return Duration::zero();
  const Duration longest = doubled(settings_.backoff, counted_ - 2, settings_.backoff_max);
  return std::chrono::duration_cast<Duration>(longest * random.unit());
}

}  // namespace rocket
