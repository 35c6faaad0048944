#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/loop_turn.h"
#include "policy/circuit_breaker.h"

namespace rocket {

// The circuit breaker of one endpoint, for all loops. As long as nothing is held against the
// endpoint, asking and telling it costs a look at a flag; only about one that has failed do the
// loops take turns, for the few instructions that a breaker needs.
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
    if (pristine()) return {};
    const LoopTurn turn(taken_);
    return {.state = breaker_.state(now),
            .trial_free = breaker_.trial_free(now),
            .asked_to_wait = breaker_.asked_to_wait(now),
            .limited = limited_,
            .open_until = breaker_.open_until()};
  }

  // A whole answer has come, or the first content of a stream: the endpoint is not silent. Heads,
  // and what still comes of streams that began long ago, are no answer to whoever asks now.
  void note_answer(TimePoint now) {
    last_answer_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    if (!pristine()) change([&] { breaker_.record_answer(now); });
  }
  [[nodiscard]] bool has_answered_since(TimePoint sent) const {
    return last_answer_.load(std::memory_order_relaxed) >= sent.time_since_epoch().count();
  }
  // A stream has got its first content: what of it is known before its end.
  void record_begun(TimePoint sent, TimePoint now) {
    if (!pristine()) change([&] { breaker_.record_begun(sent, now); });
  }
  void record_success(TimePoint sent, TimePoint now) {
    good_.fetch_add(1, std::memory_order_relaxed);
    if (!pristine()) change([&] { breaker_.record_success(sent, now); });
  }
  void record_failure(TimePoint sent, TimePoint now, const CircuitBreaker::Settings& settings) {
    change([&] {
      count_bad(sent);
      breaker_.set(settings);
      breaker_.record_failure(sent, now);
    });
  }
  // A request sent at `sent` was given up without an answer. Held against the endpoint only if it
  // has answered nobody else since: a slow answer is not a dead endpoint, silence may be.
  void record_unanswered(TimePoint sent, TimePoint now, const CircuitBreaker::Settings& settings) {
    if (!has_answered_since(sent)) record_failure(sent, now, settings);
  }
  // The same of one that was not late but lost, as far as one can tell (policy/hedge): whoever else
  // was answered meanwhile, it counts among the last ones.
  void record_silence(TimePoint sent, TimePoint now, const CircuitBreaker::Settings& settings) {
    if (!has_answered_since(sent)) return record_failure(sent, now, settings);
    change([&] {
      count_bad(sent);
      breaker_.set(settings);
      breaker_.record_silence(sent, now);
    });
  }
  // `limited`: for a rate limit; else it can not answer now.
  void stay_away(TimePoint now, TimePoint until, bool limited) {
    change([&] {
      breaker_.stay_away(now, until);
      limited_ = limited;
    });
  }
  // Whoever serves this endpoint can not answer anybody for a while, as another one has said.
  void open(TimePoint now, const CircuitBreaker::Settings& settings) {
    change([&] {
      breaker_.set(settings);
      breaker_.open(now);
    });
  }

  // Successes and failures since ever, but for what came out after its breaker had opened for it.
  struct Outcomes {
    std::uint64_t good;
    std::uint64_t bad;
  };
  [[nodiscard]] Outcomes outcomes() const {
    return {good_.load(std::memory_order_relaxed), bad_.load(std::memory_order_relaxed)};
  }

  [[nodiscard]] bool take_trial(TimePoint now) {
    bool taken = false;
    if (!pristine()) change([&] { taken = breaker_.take_trial(now); });
    return taken;
  }
  // After an answer there may be nothing left to give it back to.
  void return_trial() {
    if (!pristine()) change([&] { breaker_.return_trial(); });
  }

 private:
  void count_bad(TimePoint sent) {
    if (!breaker_.is_past(sent)) bad_.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] bool pristine() const { return pristine_.load(std::memory_order_acquire); }

  template <class Change>
  void change(Change make) {
    const LoopTurn turn(taken_);
    make();
    pristine_.store(breaker_.pristine(), std::memory_order_release);
  }

  mutable std::atomic_flag taken_;
  CircuitBreaker breaker_{CircuitBreaker::Settings{}};
  bool limited_ = false;
  std::atomic<bool> pristine_ = true;
  std::atomic<std::uint64_t> good_ = 0;
  std::atomic<std::uint64_t> bad_ = 0;
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
