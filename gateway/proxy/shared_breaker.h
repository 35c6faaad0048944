#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "policy/circuit_breaker.h"

namespace rocket {

// The circuit breaker of one endpoint, for all loops. Each change makes a new state out of the old
// one and puts it in its place; no state at all means that nothing is held against the endpoint,
// so that the breaker of one that works costs a look at a pointer.
class SharedBreaker {
 public:
  struct Standing {
    BreakerState state = BreakerState::closed;
    bool trial_free = false;
    bool asked_to_wait = false;
    bool limited = false;  // it was a rate limit that asked
    TimePoint open_until{};
  };
  [[nodiscard]] Standing standing(TimePoint now) const {
    const auto held = state_.load(std::memory_order_acquire);
    if (!held) return {};
    return {.state = held->breaker.state(now),
            .trial_free = held->breaker.trial_free(now),
            .asked_to_wait = held->breaker.asked_to_wait(),
            .limited = held->limited,
            .open_until = held->breaker.open_until()};
  }

  // Something of an answer has come: the endpoint is not silent.
  void note_answer(TimePoint now) {
    last_answer_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void record_success(TimePoint now) {
    if (!state_.load(std::memory_order_acquire)) return;
    change({}, [&](State& state) { state.breaker.record_success(now); });
  }
  void record_failure(TimePoint now, const CircuitBreaker::Settings& settings) {
    change(settings, [&](State& state) {
      state.breaker.set(settings);
      state.breaker.record_failure(now);
    });
  }
  // A request sent at `sent` was given up without any answer. Held against the endpoint only if
  // it has answered nobody else since: a slow answer is not a dead endpoint, silence may be.
  void record_unanswered(TimePoint sent, TimePoint now, const CircuitBreaker::Settings& settings) {
    if (last_answer_.load(std::memory_order_relaxed) >= sent.time_since_epoch().count()) return;
    record_failure(now, settings);
  }
  // `limited`: for a rate limit; else it can not answer now.
  void stay_away(TimePoint now, TimePoint until, bool limited,
                 const CircuitBreaker::Settings& settings) {
    change(settings, [&](State& state) {
      state.breaker.stay_away(now, until);
      state.limited = limited;
    });
  }

  [[nodiscard]] bool take_trial(TimePoint now) {
    bool taken = false;
    change({}, [&](State& state) { taken = state.breaker.take_trial(now); });
    return taken;
  }
  // After an answer there may be nothing left to give it back to.
  void return_trial() {
    if (!state_.load(std::memory_order_acquire)) return;
    change({}, [&](State& state) { state.breaker.return_trial(); });
  }

 private:
  struct State {
    CircuitBreaker breaker;
    bool limited = false;
  };

  // `settings`: of a state that has to be made. `make` may run more than once.
  template <class Change>
  void change(const CircuitBreaker::Settings& settings, Change make) {
    std::shared_ptr<const State> before = state_.load(std::memory_order_acquire);
    while (true) {
      auto after = before ? std::make_shared<State>(*before)
                          : std::make_shared<State>(State{CircuitBreaker(settings)});
      make(*after);
      std::shared_ptr<const State> next;
      if (!after->breaker.pristine()) next = std::move(after);
      if (state_.compare_exchange_weak(before, std::move(next), std::memory_order_acq_rel)) return;
    }
  }

  std::atomic<std::shared_ptr<const State>> state_;
  std::atomic<TimePoint::rep> last_answer_ = TimePoint::min().time_since_epoch().count();
};

// The right to send a half-open endpoint one request; given back by the destructor.
class Trial {
 public:
  Trial() = default;
  explicit Trial(SharedBreaker& breaker) : breaker_(&breaker) {}
  Trial(Trial&& other) noexcept : breaker_(std::exchange(other.breaker_, nullptr)) {}
  Trial& operator=(Trial&& other) noexcept {
    std::swap(breaker_, other.breaker_);
    return *this;
  }
  ~Trial() {
    if (breaker_ != nullptr) breaker_->return_trial();
  }

 private:
  SharedBreaker* breaker_ = nullptr;
};

}  // namespace rocket
