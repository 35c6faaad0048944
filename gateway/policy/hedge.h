#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.h"

namespace rocket {

// When an attempt that has not answered is late enough for a second one beside it (Dean and
// Barroso, "The Tail at Scale", 2013): after what 95 of 100 answers to requests of its sort
// took, and never before `min`. Another backend is another machine, price or model: it is asked
// only when the wait is far out of the ordinary. Before enough is known: after `unknown`.
struct HedgeSettings {
  Duration min = std::chrono::milliseconds(200);
  Duration unknown = std::chrono::seconds(60);
};

[[nodiscard]] inline Duration hedge_delay(std::optional<Duration> p95, bool same_backend,
                                          const HedgeSettings& settings) {
  constexpr int far_out = 3;
  constexpr Duration elsewhere_min = std::chrono::seconds(1);
  if (!p95) return settings.unknown;
  const Duration late = same_backend ? std::max(*p95, settings.min)
                                     : std::max({*p95 * far_out, settings.min, elsewhere_min});
  return std::min(late, settings.unknown);
}

// Whether an attempt that is called off for one that was asked later, after having heard nothing
// for `silent`, is one that nobody would have answered: answers of its sort have taken `usual`
// there of late, and whoever is a little late may have been about to come. 0: nobody was answered.
[[nodiscard]] inline bool is_given_up(Duration silent, Duration usual) {
  return silent >= usual * 3 / 2;
}

}  // namespace rocket
