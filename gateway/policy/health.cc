#include "policy/health.h"

namespace rocket {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::unknown: return "unknown";
    case Verdict::healthy: return "healthy";
    case Verdict::cold: return "cold";
    case Verdict::busy: return "busy";
    case Verdict::degraded: return "degraded";
    case Verdict::unhealthy: return "unhealthy";
    case Verdict::draining: return "draining";
  }
  return "unknown";
}

void HealthTracker::record_good() {
  bad_in_a_row_ = 0;
  ++good_in_a_row_;
  if (verdict_ != Verdict::unhealthy || good_in_a_row_ >= settings_.rise) {
    verdict_ = Verdict::healthy;
  }
}

void HealthTracker::record_word(Verdict verdict) {
  bad_in_a_row_ = 0;
  good_in_a_row_ = 0;
  verdict_ = verdict;
}

void HealthTracker::record_bad(ErrorCode why) {
  good_in_a_row_ = 0;
  ++bad_in_a_row_;
  reason_ = why;
  if (verdict_ == Verdict::unknown || bad_in_a_row_ >= settings_.fall) {
    verdict_ = Verdict::unhealthy;
  }
}

}  // namespace rocket
