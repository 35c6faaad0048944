#pragma once

#include <coroutine>

#include "base/clock.h"

namespace rocket {

// A node of an intrusive circular list that leaves its list when destroyed. A list is a hook
// that stands in no other list.
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  [[nodiscard]] bool linked() const { return next_ != this; }
  [[nodiscard]] ListHook* next() const { return next_; }

  void unlink() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = this;
  }

  // Moves this node to the end of the list that starts at `head`.
  void link_before(ListHook& head) {
    unlink();
    previous_ = head.previous_;
    next_ = &head;
    previous_->next_ = this;
    head.previous_ = this;
  }

 private:
  ListHook* next_ = this;
  ListHook* previous_ = this;
};

enum class Wake : unsigned char { signalled, timed_out };

// One suspended coroutine and what will resume it. It stands in at most one slot or run queue
// and at most one timer list; destroying it (the coroutine was cancelled) takes it out of both.
class Waiter {
 public:
  struct ParkHook : ListHook {
    explicit ParkHook(Waiter& owner) : waiter(owner) {}
    Waiter& waiter;
  };
  struct TimerHook : ListHook {
    explicit TimerHook(Waiter& owner) : waiter(owner) {}
    Waiter& waiter;
    TimePoint deadline = never;
  };

  ParkHook park{*this};
  TimerHook timer{*this};
  std::coroutine_handle<> handle;
  Wake wake = Wake::signalled;
};

// Waiters to resume, first in, first out. An event loop owns one and drains it; nothing else
// resumes a coroutine, so no signal ever runs foreign code inside its caller.
class RunQueue {
 public:
  void push(Waiter& waiter, Wake wake) {
    waiter.wake = wake;
    waiter.timer.unlink();
    waiter.park.link_before(head_);
  }

  [[nodiscard]] bool empty() const { return !head_.linked(); }

  // Resumes what is queued now (not from within a resumed coroutine); what that queues in turn
  // waits for the next call, so that an endless supply of ready work can not keep the loop from its
  // sockets.
  void drain() {
    mark_.link_before(head_);
    while (head_.next() != &mark_) {
      Waiter& waiter = static_cast<Waiter::ParkHook*>(head_.next())->waiter;
      waiter.park.unlink();
      waiter.handle.resume();
    }
    mark_.unlink();
  }

 private:
  ListHook head_;
  ListHook mark_;
};

// A place where coroutines wait for something to happen.
class WaitSlot {
 public:
  explicit WaitSlot(RunQueue& queue) : queue_(queue) {}

  void park(Waiter& waiter) { waiter.park.link_before(head_); }
  [[nodiscard]] bool occupied() const { return head_.linked(); }

  void signal_one() {
    if (head_.linked()) {
      queue_.push(static_cast<Waiter::ParkHook*>(head_.next())->waiter, Wake::signalled);
    }
  }
  void signal_all() {
    while (head_.linked())
      signal_one();
  }

  [[nodiscard]] RunQueue& queue() { return queue_; }

 private:
  RunQueue& queue_;
  ListHook head_;
};

}  // namespace rocket
