#include "proxy/aftermath.h"

#include <algorithm>
#include <utility>

#include "policy/retry_after.h"
#include "proxy/error_response.h"

namespace rocket {
namespace {

// For a 429 that names no time: as long as a client is told to wait for it.
constexpr Duration limited_pause = std::chrono::seconds(1);

}  // namespace

void Aftermath::hold_against(RunningAttempt& attempt, const Error& error) {
  Endpoint& endpoint = attempt.plan().endpoint;
  SharedBreaker& breaker = endpoint.breaker;
  unheeded_.reset();
  const auto concurrent = attempt.attempt().concurrent_limit();
  attempt.call().note_concurrent_limit(concurrent);
  // A place is there again as soon as a request has ended, which a time to stay away would miss.
  if (concurrent && attempt.call().takes_turns) return;
  if (error.code == ErrorCode::upstream_loading) {
    // Loading is not death. As good a word as one to a probe, and the next probe has another.
    endpoint.verdict.store(Verdict::cold, std::memory_order_relaxed);
    return;
  }
  if (leave_alone(attempt, error.code)) return;
  // Too much was asked of it, which is no fault; and long is not the same as never.
  const bool limited = error.code == ErrorCode::upstream_limited;
  if (limited || meaning_of(error.code).blame != Blame::upstream) return;
  if (error.code == ErrorCode::total_timeout) {
    // Who was asked late had no time to answer.
    const AttemptPlan& plan = attempt.plan();
    const Duration time = std::min(plan.first_token_time(), plan.config.timeouts.total);
    if (now() - attempt.started_at() < time / 2) return;
    breaker.record_unanswered(attempt.started_at(), now(), breaker_);
  } else {
    breaker.record_failure(attempt.started_at(), now(), breaker_);
  }
}

// False: it has not asked for that.
bool Aftermath::leave_alone(RunningAttempt& attempt, ErrorCode code) {
  const bool limited = code == ErrorCode::upstream_limited;
  // Says something about all of its endpoints, not about this one.
  const bool provider = code == ErrorCode::upstream_overloaded;
  if (!limited && !provider && code != ErrorCode::upstream_unavailable) return false;
  auto wait = parse_retry_after(attempt.attempt().retry_after(), timers_.wall_now());
  // "Now", or a date that is over, as one of a clock that is behind ours: that keeps nobody away.
  if (wait == Duration::zero()) wait.reset();
  if (!wait && limited) wait = limited_pause;
  if (!wait && !provider) return false;
  // Refused everywhere, it is the request that is too much: the others are to answer others.
  if (std::exchange(told_to_wait_, true)) {
    if (wait) unheeded_ = std::min(*wait, retry_after_max_);
    return true;
  }
  const auto leave = [&](SharedBreaker& breaker) {
    if (wait) {
      breaker.stay_away(now(), now() + std::min(*wait, retry_after_max_), limited);
    } else {
      breaker.open(now(), breaker_);
    }
  };
  if (!provider) {
    leave(attempt.plan().endpoint.breaker);
    return true;
  }
  for (const auto& endpoint : attempt.plan().backend.endpoints)
    leave(endpoint->breaker);
  return true;
}

}  // namespace rocket
