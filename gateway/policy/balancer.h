#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/random.h"
#include "policy/health.h"

namespace rocket {

// What the balancer sees of one endpoint at the moment of choosing.
struct EndpointView {
  std::uint32_t index = 0;  // the caller's
  Verdict verdict = Verdict::unknown;
  ErrorCode reason = ErrorCode::internal;  // while unhealthy
  std::uint64_t in_flight = 0;
  bool tried = false;  // by this exchange
};

// The endpoint to try next among those of one candidate, or none that is worth it.
//
// Untried endpoints that are healthy or not known yet, the less busy of two random ones ("power
// of two choices", Mitzenmacher 2001). When there is none: an untried one whose probes are
// refused, since being refused once more costs nothing and it may be back. One whose probes hang
// or answer badly is never tried: it would cost the client a timeout.
[[nodiscard]] std::optional<std::uint32_t> pick_endpoint(std::span<const EndpointView> endpoints,
                                                         Random& random);

}  // namespace rocket
