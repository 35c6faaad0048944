#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "policy/circuit_breaker.h"
#include "policy/health.h"

namespace rocket {

// What the balancer sees of one endpoint at the moment of choosing.
struct EndpointView {
  std::uint32_t index = 0;  // the caller's
  Verdict verdict = Verdict::unknown;
  BreakerState breaker = BreakerState::closed;
  bool trial_free = false;     // while half open
  bool asked_to_wait = false;  // while the breaker is not closed: by the upstream itself
  std::uint64_t in_flight = 0;
  Duration answer_time{};  // of late; 0: not known
  bool tried = false;      // by this exchange
};

enum class Effort : unsigned char {
  proven,       // none that is only being tried out: for a request that is late already
  normal,       // endpoints that can be expected to answer
  last_resort,  // none of those is left anywhere: better a poor chance than none
};

struct Pick {
  std::uint32_t index;
  bool trial;  // the breaker is half open: take a trial, or pick again without this endpoint
};

// The endpoint to try next among those of one candidate, or none that is worth it.
//
// Normally: first a half-open endpoint, since somebody has to find out; else, of two random ones
// whose breaker is closed and whose probes do not fail, the one that can be expected to answer
// sooner ("power of two choices", Mitzenmacher 2001). As a last resort any untried one but those
// that asked to be left alone.
[[nodiscard]] std::optional<Pick> pick_endpoint(std::span<const EndpointView> endpoints,
                                                Effort effort, Random& random);

}  // namespace rocket
