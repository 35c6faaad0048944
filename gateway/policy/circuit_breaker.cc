#include "policy/circuit_breaker.h"

#include <algorithm>

namespace rocket {

std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::closed: return "closed";
    case BreakerState::half_open: return "half_open";
    case BreakerState::open: return "open";
  }
  return "";
}

BreakerState CircuitBreaker::state(TimePoint now) const {
  if (opened_times_ == 0) return BreakerState::closed;
  return now < open_until_ ? BreakerState::open : BreakerState::half_open;
}

void CircuitBreaker::record_success(TimePoint sent, TimePoint now) {
  // What was sent before it opened may still be answered: that says nothing about now.
  if (state(now) == BreakerState::open && (sent < opened_at_ || asked_to_wait(now))) return;
  if (opened_times_ != 0 && is_past(sent)) return;
  if (opened_times_ != 0) close();
  in_a_row_ = 0;
  turn_window(now);
  ++recent_.good;
}

void CircuitBreaker::record_failure(TimePoint sent, TimePoint now) {
  if (is_past(sent)) return;
  switch (state(now)) {
    case BreakerState::open: return;
    case BreakerState::half_open: open_from(now); return;
    case BreakerState::closed: break;
  }
  turn_window(now);
  ++recent_.bad;
  ++in_a_row_;
  if (in_a_row_ >= settings_.consecutive || too_many()) open_from(now);
}

void CircuitBreaker::record_silence(TimePoint sent, TimePoint now) {
  if (state(now) != BreakerState::closed || is_past(sent)) return;
  turn_window(now);
  ++recent_.silent;
  if (too_many()) open_from(now);
}

void CircuitBreaker::record_answer(TimePoint now) {
  turn_window(now);
  ++recent_.answered;
}

void CircuitBreaker::record_begun(TimePoint sent, TimePoint now) {
  if (opened_times_ == 0 || sent < opened_at_) return;
  if (state(now) == BreakerState::open) {
    if (asked_to_wait(now)) return;
    open_until_ = now;  // whoever was asked all the same has found out before any trial
  }
  begun_ = true;
  if (asked_to_wait(now)) close();
}

void CircuitBreaker::stay_away(TimePoint now, TimePoint until) {
  opened_at_ = now;
  begun_ = false;
  open_until_ = state(now) == BreakerState::open ? std::max(open_until_, until) : until;
  opened_times_ = std::max(opened_times_, 1U);
  asked_until_ = std::max(asked_until_, until);
}

bool CircuitBreaker::take_trial(TimePoint now) {
  if (!trial_free(now)) return false;
  ++trials_out_;
  tried_at_ = now;
  return true;
}

void CircuitBreaker::close() {
  opened_times_ = 0;
  begun_ = false;
  asked_until_ = {};
  recent_ = older_ = {};
}

void CircuitBreaker::turn_window(TimePoint now) {
  if (now < recent_since_ + window / 2) return;
  older_ = now < recent_since_ + window ? recent_ : Counts{};
  recent_ = {};
  recent_since_ = now;
}

bool CircuitBreaker::too_many() const {
  const Counts counts = of_late();
  // Answers that go on are as good as those that have ended well, until they fail.
  const std::uint32_t begun = counts.answered - std::min(counts.answered, counts.bad);
  const std::uint32_t failed = counts.bad + counts.silent;
  const std::uint32_t all = failed + std::max(counts.good, begun);
  return all >= settings_.min_requests && failed >= settings_.error_rate * all;
}

void CircuitBreaker::open_from(TimePoint now) {
  begun_ = false;
  opened_at_ = failed_at_ = now;
  open_until_ = deadline_after(now, doubled(settings_.open, opened_times_, settings_.open_max));
  ++opened_times_;
  asked_until_ = {};
  in_a_row_ = 0;
  recent_ = older_ = {};
}

}  // namespace rocket
