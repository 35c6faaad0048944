#include "policy/key_limits.h"

namespace rocket {

KeyLimits::KeyLimits(const KeyLimitSettings& settings) : settings_(settings) {
  if (settings.requests_per_minute) requests_.emplace(*settings.requests_per_minute);
  if (settings.tokens_per_minute) tokens_.emplace(*settings.tokens_per_minute);
}

// In one step, so that of two requests for the last place just one is refused.
bool KeyLimits::take_place() {
  std::uint32_t held = in_flight_.load(std::memory_order_relaxed);
  do {
    if (settings_.concurrent && held >= *settings_.concurrent) return false;
  } while (!in_flight_.compare_exchange_weak(held, held + 1, std::memory_order_relaxed));
  return true;
}

std::expected<KeyLimits::Hold, KeyLimits::Refusal> KeyLimits::take(std::uint64_t tokens,
                                                                   TimePoint now) {
  if (!take_place()) return std::unexpected(Refusal{Limit::concurrent, Duration::zero()});
  Hold hold(*this, {});  // from here on a refusal gives the place back
  std::expected<RateLimit::Taken, Duration> request;
  if (requests_) request = requests_->take(1, now);
  if (!request) return std::unexpected(Refusal{Limit::requests, request.error()});
  if (!tokens_) return hold;
  const auto reserved = tokens_->take(tokens, now);
  if (!reserved) {
    if (requests_) requests_->settle(*request, 0, now);
    return std::unexpected(Refusal{Limit::tokens, reserved.error()});
  }
  hold.tokens_ = *reserved;
  return hold;
}

std::optional<RateLimit::State> KeyLimits::requests(TimePoint now) const {
  if (!requests_) return std::nullopt;
  return requests_->state(now);
}

std::optional<RateLimit::State> KeyLimits::tokens(TimePoint now) const {
  if (!tokens_) return std::nullopt;
  return tokens_->state(now);
}

}  // namespace rocket
