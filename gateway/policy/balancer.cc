#include "policy/balancer.h"

namespace rocket {
namespace {

enum class Tier : unsigned char { good, refused, none };

Tier tier_of(const EndpointView& endpoint) {
  if (endpoint.tried) return Tier::none;
  if (endpoint.verdict != Verdict::unhealthy) return Tier::good;
  return endpoint.reason == ErrorCode::connect_refused ? Tier::refused : Tier::none;
}

// The n-th endpoint of a tier.
const EndpointView& nth(std::span<const EndpointView> endpoints, Tier tier, std::uint64_t n) {
  for (const EndpointView& endpoint : endpoints) {
    if (tier_of(endpoint) == tier && n-- == 0) return endpoint;
  }
  return endpoints.front();
}

std::uint32_t less_busy_of_two(std::span<const EndpointView> endpoints, Tier tier,
                               std::uint64_t count, Random& random) {
  if (count == 1) return nth(endpoints, tier, 0).index;
  const std::uint64_t first = random.uniform(count);
  const std::uint64_t second = (first + 1 + random.uniform(count - 1)) % count;
  const EndpointView& a = nth(endpoints, tier, first);
  const EndpointView& b = nth(endpoints, tier, second);
  return b.in_flight < a.in_flight ? b.index : a.index;
}

}  // namespace

std::optional<std::uint32_t> pick_endpoint(std::span<const EndpointView> endpoints,
                                           Random& random) {
  for (const Tier tier : {Tier::good, Tier::refused}) {
    std::uint64_t count = 0;
    for (const EndpointView& endpoint : endpoints)
      count += tier_of(endpoint) == tier ? 1 : 0;
    if (count != 0) return less_busy_of_two(endpoints, tier, count, random);
  }
  return std::nullopt;
}

}  // namespace rocket
