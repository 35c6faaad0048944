#include "policy/assessment.h"

namespace rocket {
namespace {

constexpr std::uint16_t cache_full_permille = 950;

// Empty: whoever comes now is served at once, as far as is told.
std::string_view why_busy(const LoadFigures& load) {
  constexpr std::uint16_t untold = LoadFigures::untold;
  if (load.waiting != untold && load.waiting != 0) return "requests_waiting";
  if (load.slots != untold && load.running != untold && load.running >= load.slots) {
    return "no_free_slot";
  }
  if (load.cache_permille != untold && load.cache_permille >= cache_full_permille) {
    return "cache_full";
  }
  return {};
}

std::string_view why_degraded(const EndpointFacts& facts) {
  if (facts.breaker != BreakerState::closed && facts.asked_to_wait) return "asked_to_wait";
  if (facts.breaker == BreakerState::open) return "breaker_open";
  if (facts.breaker == BreakerState::half_open) return "breaker_half_open";
  if (facts.models_untold) return "models_untold";
  switch (facts.outlier.fault) {
    case OutlierFault::failing: return "fails_more_than_siblings";
    case OutlierFault::slow: return "slower_than_siblings";
    case OutlierFault::none: break;
  }
  return {};
}

}  // namespace

Assessment assess(const EndpointFacts& facts) {
  if (facts.removed) return {Verdict::draining, "removed_from_configuration"};
  switch (facts.probed) {
    case Verdict::unhealthy: return {Verdict::unhealthy, to_string(facts.probe_error)};
    case Verdict::draining: return {Verdict::draining, "says_that_it_drains"};
    case Verdict::cold: return {Verdict::cold, "loading"};
    case Verdict::unknown: return {Verdict::unknown, "not_probed_yet"};
    default: break;
  }
  if (const auto why = why_degraded(facts); !why.empty()) return {Verdict::degraded, why};
  if (const auto why = why_busy(facts.load); !why.empty()) return {Verdict::busy, why};
  if (facts.loads_models) return {Verdict::cold, "no_model_loaded"};
  return {Verdict::healthy, {}};
}

}  // namespace rocket
