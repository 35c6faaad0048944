#pragma once

#include <coroutine>
#include <memory>
#include <vector>

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
      for (const auto& one : race_.running_)
        one->resume_at_end(awaiting);
      if (deadline_ == never) return;
      waiter_.handle = awaiting;
      timers_.arm(waiter_, deadline_);
    }
    // Until the next wait an attempt that ends wakes nobody.
    void await_resume() const {
      for (const auto& one : race_.running_)
        one->resume_at_end(std::noop_coroutine());
    }

   private:
    Race& race_;
    Timers& timers_;
    TimePoint deadline_;
    Waiter waiter_;
  };

  void add(std::unique_ptr<RunningAttempt> attempt) { running_.push_back(std::move(attempt)); }
  [[nodiscard]] bool empty() const { return running_.empty(); }
  // The oldest attempt of which `wanted` is true; null: none.
  template <class Wanted>
  [[nodiscard]] RunningAttempt* find(Wanted wanted) {
    for (const auto& one : running_) {
      if (wanted(*one)) return one.get();
    }
    return nullptr;
  }
  [[nodiscard]] bool full() const { return running_.size() >= runners_max; }

  [[nodiscard]] Wait wait(Timers& timers, TimePoint deadline) { return {*this, timers, deadline}; }

  // An attempt that has ended, out of the race; null if all are still running.
  [[nodiscard]] std::unique_ptr<RunningAttempt> take_ended();
  // Calls off all that still run: their connections close, so that the upstreams stop working.
  void call_off(TimePoint now);
  void call_off(RunningAttempt& one, TimePoint now);

 private:
  [[nodiscard]] bool has_ended() const;

  std::vector<std::unique_ptr<RunningAttempt>> running_;
};

}  // namespace rocket
