#include "policy/retry.h"

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
    case ErrorCode::upstream_unavailable:
    case ErrorCode::upstream_limited:
    case ErrorCode::upstream_error_event:
    case ErrorCode::load_timeout:
    case ErrorCode::first_token_timeout:
    case ErrorCode::idle_timeout: break;
    // The whole exchange is out of time, or the fault is not the upstream's.
    default: return NextStep::give_up;
  }
  if (report.sent) ++counted_;
  return counted_ < attempts_ ? NextStep::next_endpoint : NextStep::give_up;
}

}  // namespace rocket
