#include "policy/balancer.h"

#include <algorithm>

namespace rocket {
namespace {

enum class Tier : unsigned char {
  trial,
  good,
  cold,     // warm ones first: loading takes longer than any queue
  awkward,  // at somebody else's expense, or hardly of use
  spare,    // would answer, but had better be left alone
  poor,     // will hardly answer
  none,
};

Tier tier_of(const EndpointView& endpoint) {
  switch (why_not(endpoint)) {
    case Why::not_drawn: return Tier::good;
    case Why::on_trial: return endpoint.trial_free ? Tier::trial : Tier::poor;
    case Why::cold: return Tier::cold;
    case Why::disturbs:
    case Why::may_not_fit:
    case Why::near_limit: return Tier::awkward;
    case Why::outlier:
    case Why::draining: return Tier::spare;
    case Why::loading:
    case Why::unhealthy:
    case Why::breaker_open: return Tier::poor;
    default: return Tier::none;
  }
}

// The n-th endpoint of a tier.
const EndpointView& nth(std::span<const EndpointView> endpoints, Tier tier, std::uint64_t n) {
  for (const EndpointView& endpoint : endpoints) {
    if (tier_of(endpoint) == tier && n-- == 0) return endpoint;
  }
  return endpoints.front();
}

double or_zero(std::uint16_t figure) {
  return figure == LoadFigures::untold ? 0 : figure;
}

// Requests that the next one has before it, as far as is known. Our own are among those that the
// server tells of. A model that is put out of memory costs somebody its loading.
double load_of(const EndpointView& endpoint) {
  const double waiting = or_zero(endpoint.load.waiting);
  const double told = or_zero(endpoint.load.running) + waiting;
  return std::max(static_cast<double>(endpoint.in_flight), told) + waiting + endpoint.evicts;
}

// A cache that runs full makes vLLM put off requests that it has begun.
double pressure_of(const EndpointView& endpoint) {
  constexpr double relaxed = 0.8;
  constexpr double steepness = 5;
  return 1 + steepness * std::max(0.0, or_zero(endpoint.load.cache_permille) / 1000 - relaxed);
}

double score(const EndpointView& endpoint, bool timed) {
  return (timed ? to_ms(endpoint.answer_time) : 1) * (load_of(endpoint) + 1) *
         pressure_of(endpoint);
}

// Whether `b` can be expected to answer before `a`. An unknown time says nothing, so then the
// load decides alone.
bool sooner(const EndpointView& b, const EndpointView& a) {
  const bool timed = a.answer_time != Duration::zero() && b.answer_time != Duration::zero();
  return score(b, timed) < score(a, timed);
}

std::uint32_t better_of_two(std::span<const EndpointView> endpoints, Tier tier, std::uint64_t count,
                            Random& random) {
  if (count == 1) return nth(endpoints, tier, 0).index;
  const auto [first, second] = draw_two(count, random);
  const EndpointView& a = nth(endpoints, tier, first);
  const EndpointView& b = nth(endpoints, tier, second);
  return sooner(b, a) ? b.index : a.index;
}

// What loads a model is worth a look at all of them: two at random might both have to put another
// one out of memory for it. Each of several equals is as likely.
std::uint32_t best_of_all(std::span<const EndpointView> endpoints, Tier tier, Random& random) {
  const EndpointView* best = nullptr;
  std::uint64_t equals = 0;
  for (const EndpointView& endpoint : endpoints) {
    if (tier_of(endpoint) != tier) continue;
    if (best == nullptr || sooner(endpoint, *best)) {
      best = &endpoint;
      equals = 1;
    } else if (!sooner(*best, endpoint) && random.uniform(++equals) == 0) {
      best = &endpoint;
    }
  }
  return best->index;
}

std::optional<Pick> pick_of(std::span<const EndpointView> endpoints, Tier tier, Random& random) {
  std::uint64_t count = 0;
  for (const EndpointView& endpoint : endpoints)
    count += tier_of(endpoint) == tier ? 1 : 0;
  if (count == 0) return std::nullopt;
  const bool loads = tier == Tier::cold || tier == Tier::awkward;
  if (loads && count != 1) return Pick{best_of_all(endpoints, tier, random), false};
  return Pick{better_of_two(endpoints, tier, count, random), tier == Tier::trial};
}

// The tiers of an effort, best first.
std::span<const Tier> tiers_of(Effort effort) {
  static constexpr std::array proven{Tier::good};
  static constexpr std::array normal{Tier::trial, Tier::good, Tier::cold};
  static constexpr std::array any{Tier::awkward};
  static constexpr std::array last_resort{Tier::spare, Tier::poor};
  switch (effort) {
    case Effort::proven: return proven;
    case Effort::normal: return normal;
    case Effort::any: return any;
    case Effort::last_resort: break;
  }
  return last_resort;
}

}  // namespace

std::string_view to_string(Why why) {
  switch (why) {
    case Why::chosen: return "chosen";
    case Why::not_drawn: return "not_drawn";
    case Why::cold: return "cold";
    case Why::disturbs: return "disturbs";
    case Why::may_not_fit: return "may_not_fit";
    case Why::near_limit: return "near_limit";
    case Why::does_not_fit: return "does_not_fit";
    case Why::no_tools: return "no_tools";
    case Why::no_vision: return "no_vision";
    case Why::outlier: return "outlier";
    case Why::loading: return "loading";
    case Why::draining: return "draining";
    case Why::unhealthy: return "unhealthy";
    case Why::breaker_open: return "breaker_open";
    case Why::asked_to_wait: return "asked_to_wait";
    case Why::on_trial: return "on_trial";
    case Why::tried: return "tried";
    case Why::full: return "full";
  }
  return "";
}

Why why_not(const EndpointView& endpoint) {
  if (endpoint.tried) return Why::tried;
  switch (endpoint.lack) {
    case Lack::context: return Why::does_not_fit;
    case Lack::tools: return Why::no_tools;
    case Lack::vision: return Why::no_vision;
    default: break;
  }
  if (endpoint.full) return Why::full;
  const bool open = endpoint.breaker == BreakerState::open;
  // Whatever else is the matter with it: nothing but this keeps the last resort away.
  if (open && endpoint.asked_to_wait) return Why::asked_to_wait;
  if (endpoint.verdict == Verdict::unhealthy && !endpoint.outlier.forgiven) return Why::unhealthy;
  if (open) return Why::breaker_open;
  if (endpoint.verdict == Verdict::cold) return Why::loading;
  if (endpoint.verdict == Verdict::draining) return Why::draining;
  if (endpoint.breaker == BreakerState::half_open) {
    if (!endpoint.trial_free && endpoint.asked_to_wait) return Why::asked_to_wait;
    return Why::on_trial;
  }
  if (endpoint.outlier.ejected) return Why::outlier;
  if (endpoint.lack == Lack::context_maybe) return Why::may_not_fit;
  if (endpoint.near_limit) return Why::near_limit;
  if (endpoint.cold) return endpoint.disturbs ? Why::disturbs : Why::cold;
  return Why::not_drawn;
}

double score_of(const EndpointView& endpoint) {
  return score(endpoint, endpoint.answer_time != Duration::zero());
}

bool is_good(const EndpointView& endpoint) {
  return tier_of(endpoint) == Tier::good;
}

std::pair<size_t, size_t> draw_two(size_t count, Random& random) {
  const std::uint64_t first = random.uniform(count);
  return {first, (first + 1 + random.uniform(count - 1)) % count};
}

std::optional<Pick> pick_of_two(const EndpointView& a, const EndpointView& b) {
  if (!is_good(a) || !is_good(b)) return std::nullopt;
  return Pick{sooner(b, a) ? b.index : a.index, false};
}

std::optional<Pick> pick_endpoint(std::span<const EndpointView> endpoints, Effort effort,
                                  Random& random) {
  for (const Tier tier : tiers_of(effort)) {
    if (const auto pick = pick_of(endpoints, tier, random)) return pick;
  }
  return std::nullopt;
}

}  // namespace rocket
