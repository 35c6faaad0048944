#pragma once

#include <cstdint>
#include <string_view>

#include "base/load_figures.h"
#include "policy/circuit_breaker.h"
#include "policy/health.h"
#include "policy/outlier.h"

namespace rocket {

// Everything that is known of an endpoint as a whole, at one moment.
struct EndpointFacts {
  Verdict probed = Verdict::unknown;
  ErrorCode probe_error = ErrorCode::internal;  // while unhealthy
  BreakerState breaker = BreakerState::closed;
  bool asked_to_wait = false;  // while the breaker is not closed
  OutlierMark outlier{};
  LoadFigures load{};          // where fresh figures are told
  bool models_untold = false;  // alive, but it is not known which it has
  bool loads_models = false;   // on demand, and has told that none is in memory
  bool removed = false;        // not in the configuration any more; requests are under way
};

// The one word for it, and why. Empty reason: nothing is wrong. For people: what is chosen is
// decided by policy/balancer, from the same facts.
struct Assessment {
  Verdict verdict;
  std::string_view reason;
  [[nodiscard]] bool operator==(const Assessment&) const = default;
};
[[nodiscard]] Assessment assess(const EndpointFacts& facts);

}  // namespace rocket
