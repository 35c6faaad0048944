#include "proxy/race.h"

namespace rocket {

bool Race::has_ended() const {
  bool ended = false;
  each([&](const RunningAttempt& one) { ended |= one.ended(); });
  return ended;
}

bool Race::has_fallen(TimePoint now) const {
  bool fallen = false;
  each([&](RunningAttempt& one) {
    const BreakerState state = one.plan().endpoint.breaker.standing(now).state;
    fallen |= state != BreakerState::closed && !one.attempt().answered();
  });
  return fallen;
}

bool Race::is_forsaken(TimePoint now, Duration patience) const {
  bool forsaken = true;
  each([&](RunningAttempt& one) {
    const Duration waited = now - one.started_at();
    // Who was sent a moment before it has been answered, which says nothing about those behind.
    forsaken &= waited >= patience && !one.attempt().answered() &&
                !one.plan().endpoint.breaker.has_answered_since(now - waited / 2);
  });
  return forsaken;
}

std::unique_ptr<RunningAttempt> Race::take_ended() {
  const RunningAttempt* const ended = find([](RunningAttempt& one) { return one.ended(); });
  return ended == nullptr ? nullptr : take(*ended);
}

void Race::call_off(TimePoint now, RunningAttempt* winner) {
  // A refusal may come at once, and says nothing about how long an answer takes.
  const bool answered = winner != nullptr && winner->attempt().head().status < 400;
  while (!empty()) {
    RunningAttempt& one = *running_[count_ - 1];
    call_off(one, now, answered && winner->started_at() > one.started_at());
  }
}

void Race::call_off(RunningAttempt& one, TimePoint now, bool overtaken) {
  one.lose(now, overtaken);
  take(one).reset();
}

std::unique_ptr<RunningAttempt> Race::take(const RunningAttempt& one) {
  const size_t at = running_[0].get() == &one ? 0 : 1;
  std::unique_ptr<RunningAttempt> taken = std::move(running_[at]);
  if (at == 0) running_[0] = std::move(running_[1]);
  --count_;
  return taken;
}

}  // namespace rocket
