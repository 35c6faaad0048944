#include "policy/balancer.h"

namespace rocket {
namespace {

enum class Tier : unsigned char { trial, good, poor, none };

Tier tier_of(const EndpointView& endpoint) {
  if (endpoint.tried || endpoint.full) return Tier::none;
  if (endpoint.verdict == Verdict::unhealthy) return Tier::poor;
  switch (endpoint.breaker) {
    case BreakerState::closed: return Tier::good;
    case BreakerState::half_open:
      if (endpoint.trial_free) return Tier::trial;
      break;
    case BreakerState::open: break;
  }
  return endpoint.asked_to_wait ? Tier::none : Tier::poor;
}

// The n-th endpoint of a tier.
const EndpointView& nth(std::span<const EndpointView> endpoints, Tier tier, std::uint64_t n) {
  for (const EndpointView& endpoint : endpoints) {
    if (tier_of(endpoint) == tier && n-- == 0) return endpoint;
  }
  return endpoints.front();
}

// Whether `b` can be expected to answer before `a`. An unknown time says nothing, so then the
// number of requests decides alone.
bool sooner(const EndpointView& b, const EndpointView& a) {
  if (a.answer_time == Duration::zero() || b.answer_time == Duration::zero()) {
    return b.in_flight < a.in_flight;
  }
  const auto expected = [](const EndpointView& one) {
    return static_cast<double>(one.answer_time.count()) * static_cast<double>(one.in_flight + 1);
  };
  return expected(b) < expected(a);
}

std::uint32_t better_of_two(std::span<const EndpointView> endpoints, Tier tier, std::uint64_t count,
                            Random& random) {
  if (count == 1) return nth(endpoints, tier, 0).index;
  const auto [first, second] = draw_two(count, random);
  const EndpointView& a = nth(endpoints, tier, first);
  const EndpointView& b = nth(endpoints, tier, second);
  return sooner(b, a) ? b.index : a.index;
}

std::optional<Pick> pick_of(std::span<const EndpointView> endpoints, Tier tier, Random& random) {
  std::uint64_t count = 0;
  for (const EndpointView& endpoint : endpoints)
    count += tier_of(endpoint) == tier ? 1 : 0;
  if (count == 0) return std::nullopt;
  return Pick{better_of_two(endpoints, tier, count, random), tier == Tier::trial};
}

}  // namespace

std::pair<size_t, size_t> draw_two(size_t count, Random& random) {
  const std::uint64_t first = random.uniform(count);
  return {first, (first + 1 + random.uniform(count - 1)) % count};
}

std::optional<Pick> pick_of_two(const EndpointView& a, const EndpointView& b) {
  if (tier_of(a) != Tier::good || tier_of(b) != Tier::good) return std::nullopt;
  return Pick{sooner(b, a) ? b.index : a.index, false};
}

std::optional<Pick> pick_endpoint(std::span<const EndpointView> endpoints, Effort effort,
                                  Random& random) {
  if (effort == Effort::last_resort) return pick_of(endpoints, Tier::poor, random);
  if (effort == Effort::normal) {
    if (const auto trial = pick_of(endpoints, Tier::trial, random)) return trial;
  }
  return pick_of(endpoints, Tier::good, random);
}

}  // namespace rocket
