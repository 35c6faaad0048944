#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/load_figures.h"
#include "base/random.h"
#include "policy/capability.h"
#include "policy/circuit_breaker.h"
#include "policy/health.h"
#include "policy/outlier.h"

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
  bool full = false;       // no place for one more
  OutlierMark outlier{};
  LoadFigures load{};  // what its server tells; as good as nothing once it is old
  Lack lack = Lack::none;
  bool near_limit = false;   // the next request would run into its rate limit
  bool cold = false;         // it has to load the model first
  bool disturbs = false;     // ...for which it may have to stop what it is at
  std::uint32_t evicts = 0;  // ...and to put others out of memory: so many are there
};

enum class Effort : unsigned char {
  proven,       // none that is only being tried out, or has to load: for a request that is late
  normal,       // endpoints that can be expected to answer
  any,          // also where it disturbs others, the prompt may not fit or a limit is near
  last_resort,  // none of those is left anywhere: better a poor chance than none
};

struct Pick {
  std::uint32_t index;
  bool trial;  // the breaker is half open: take a trial, or pick again without this endpoint
};

// Why an endpoint was picked, or what speaks against it. For receipts.
enum class Why : unsigned char {
  chosen,
  not_drawn,  // as good as others, but not one of the two that were compared, or the worse of them
  cold,
  disturbs,
  may_not_fit,
  near_limit,
  does_not_fit,
  no_tools,
  no_vision,
  outlier,
  loading,
  draining,
  unhealthy,
  breaker_open,
  asked_to_wait,
  on_trial,
  tried,
  full,
};
[[nodiscard]] std::string_view to_string(Why why);
// What speaks against it, or not_drawn: nothing does.
[[nodiscard]] Why why_not(const EndpointView& endpoint);

// The lower the sooner it can be expected to answer: its time of late, as often as requests are
// before the new one, those that wait counted twice, and more when its cache is nearly full. In
// milliseconds; in requests while its time is not known.
[[nodiscard]] double score_of(const EndpointView& endpoint);

// The endpoint to try next among those of one candidate, or none that is worth it.
//
// Normally: first a half-open endpoint, since somebody has to find out; else, of two random ones
// that nothing speaks against, the one with the better score ("power of two choices", Mitzenmacher
// 2001); else one of those that have to load the model first and are at nothing. As a last resort
// any untried one but those that asked to be left alone.
[[nodiscard]] std::optional<Pick> pick_endpoint(std::span<const EndpointView> endpoints,
                                                Effort effort, Random& random);

// Nothing speaks against it.
[[nodiscard]] bool is_good(const EndpointView& endpoint);

// Two different ones of `count`, at least two.
[[nodiscard]] std::pair<size_t, size_t> draw_two(size_t count, Random& random);
// The pick if it needs to be made between these two only; none if one of them is not fit.
[[nodiscard]] std::optional<Pick> pick_of_two(const EndpointView& a, const EndpointView& b);

// The same as pick_endpoint of all views from view_of(0) to view_of(count - 1), but of many it
// looks at two as a rule: which pair is drawn is as likely either way, and it costs the same for
// a hundred endpoints as for three.
template <class ViewOf>
[[nodiscard]] std::optional<Pick> pick_endpoint(size_t count, ViewOf view_of, Effort effort,
                                                Random& random) {
  constexpr size_t few = 3;
  std::array<EndpointView, few> views;
  if (count <= few) {
    for (size_t i = 0; i < count; ++i)
      views[i] = view_of(i);
    return pick_endpoint({views.data(), count}, effort, random);
  }
  if (effort == Effort::proven || effort == Effort::normal) {
    const auto [first, second] = draw_two(count, random);
    if (const auto pick = pick_of_two(view_of(first), view_of(second))) return pick;
  }
  std::vector<EndpointView> all;
  all.reserve(count);
  for (size_t i = 0; i < count; ++i)
    all.push_back(view_of(i));
  return pick_endpoint(all, effort, random);
}

}  // namespace rocket
