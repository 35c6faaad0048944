#pragma once

#include <array>
#include <coroutine>
#include <memory>

#include "net/io.h"
#include "proxy/running_attempt.h"

namespace rocket {

// The attempts of one exchange that are under way: one as a rule, a second beside it when the
// first is late. Destroying it, or an attempt in it, cancels what runs.
class Race {
 public:
  static constexpr size_t runners_max = 2;

  // Suspends until an attempt has ended or `deadline` has come.
  class [[nodiscard]] Wait {
   public:
    Wait(Race& race, Timers& timers, TimePoint deadline)
        : race_(race), timers_(timers), deadline_(deadline) {}
    [[nodiscard]] bool await_ready() const { return race_.has_ended(); }
    void await_suspend(std::coroutine_handle<> awaiting) {
      race_.each([&](RunningAttempt& one) { one.resume_at_end(awaiting); });
      if (deadline_ == never) return;
      waiter_.handle = awaiting;
      timers_.arm(waiter_, deadline_);
    }
    // Until the next wait an attempt that ends wakes nobody.
    void await_resume() const {
      race_.each([](RunningAttempt& one) { one.resume_at_end(std::noop_coroutine()); });
    }

   private:
    Race& race_;
    Timers& timers_;
    TimePoint deadline_;
    Waiter waiter_;
  };

  // Not when it is full.
  void add(std::unique_ptr<RunningAttempt> attempt) { running_[count_++] = std::move(attempt); }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  // The oldest attempt of which `wanted` is true; null: none.
  template <class Wanted>
  [[nodiscard]] RunningAttempt* find(Wanted wanted) {
    RunningAttempt* found = nullptr;
    each([&](RunningAttempt& one) {
      if (found == nullptr && wanted(one)) found = &one;
    });
    return found;
  }
  [[nodiscard]] bool full() const { return count_ == runners_max; }
  // One that has not been answered runs at an endpoint in disgrace.
  [[nodiscard]] bool has_fallen(TimePoint now) const;
  // All have waited for `patience`, and for half of their time nobody has been answered where they
  // wait: whoever has failed before may be well again by now.
  [[nodiscard]] bool is_forsaken(TimePoint now, Duration patience) const;

  [[nodiscard]] Wait wait(Timers& timers, TimePoint deadline) { return {*this, timers, deadline}; }

  // An attempt that has ended, out of the race; null if all are still running.
  [[nodiscard]] std::unique_ptr<RunningAttempt> take_ended();
  // Calls off all that still run: their connections close, so that the upstreams stop working.
  // `winner`: who has answered; null: nobody has.
  void call_off(TimePoint now, RunningAttempt* winner = nullptr);
  // One of which nothing has come, for somebody who is asked now.
  void call_off_hopeless(RunningAttempt& one, TimePoint now) { call_off(one, now, true); }

 private:
  void call_off(RunningAttempt& one, TimePoint now, bool overtaken);
  template <class Do>
  void each(Do act) const {
    for (size_t i = 0; i < count_; ++i)
      act(*running_[i]);
  }
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] std::unique_ptr<RunningAttempt> take(const RunningAttempt& one);

  std::array<std::unique_ptr<RunningAttempt>, runners_max> running_;  // the oldest first
  size_t count_ = 0;
};

}  // namespace rocket
