#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/frame_memory.h"
#include "base/waiter.h"

namespace rocket {

template <class T>
class Task;

// Where the frames of coroutines lie that have a promise of this kind.
class FramePromise {
 public:
  [[nodiscard]] static void* operator new(std::size_t bytes) { return take_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) { give_frame(frame, bytes); }
};

// What every task's promise holds: whom to go on with when the body is done.
class TaskPromise : public FramePromise {
 public:
  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] std::coroutine_handle<> await_suspend(
        std::coroutine_handle<Promise> handle) const noexcept {
      return handle.promise().continuation_;
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
  // Errors are values here. An exception (in practice: out of memory) ends the process.
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  void continue_with(std::coroutine_handle<> continuation) { continuation_ = continuation; }

 private:
  std::coroutine_handle<> continuation_ = std::noop_coroutine();
};

template <class T>
class TaskValue : public TaskPromise {
 public:
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  [[nodiscard]] T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class TaskValue<void> : public TaskPromise {
 public:
  void return_void() const noexcept {}
  void take() const noexcept {}
};

// A coroutine that starts when it is awaited and hands its value to the awaiter.
//
// Destroying a task that is suspended cancels it: its frame, everything it holds and every task
// it awaits are destroyed, in order, and each waiter leaves its slot. That is how a client that
// hangs up ends the work done for it.
//
// House rules (g++ 12): one co_await per full expression, its result bound to a local; none
// inside conditional operators, initialiser lists or macros; no capturing lambda as a coroutine;
// parameters by value or references that outlive the task.
template <class T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : TaskValue<T> {
    [[nodiscard]] Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task taken(std::move(other));
    std::swap(handle_, taken.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool done() const { return handle_.done(); }
  [[nodiscard]] T take() { return handle_.promise().take(); }

  // For awaiters: runs until the first suspension or the end, and says whether that was the end.
  // Otherwise `continuation` is resumed when the end comes.
  //
  // A plain call, not a symmetric transfer: g++ makes that a tail call at -O2 without sanitizers
  // only, and a loop over tasks that are done at once would eat the stack.
  [[nodiscard]] bool start(std::coroutine_handle<> continuation) {
    handle_.resume();
    if (handle_.done()) return true;
    handle_.promise().continue_with(continuation);
    return false;
  }

  // The same in two steps, for whoever waits for several tasks at once: runs until the first
  // suspension; then whoever was named last is resumed when the end comes.
  void begin() { handle_.resume(); }
  void resume_at_end(std::coroutine_handle<> continuation) {
    handle_.promise().continue_with(continuation);
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Task& task;
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) const {
        return !task.start(awaiting);
      }
      T await_resume() const { return task.take(); }
    };
    return Awaiter{*this};
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

// Runs `child` until it is done or `slot` is signalled, whichever comes first. Signalled first:
// the child is destroyed where it stands and the result is false. If the slot has been signalled
// `already`, the child still runs until it first suspends, and may be done by then.
class Until {
 public:
  Until(Task<void> child, WaitSlot& slot, bool already = false)
      : child_(std::move(child)), slot_(slot), already_(already) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) {
    waiter_.handle = awaiting;
    if (already_) {
      slot_.queue().push(waiter_, Wake::signalled);
    } else {
      slot_.park(waiter_);
    }
    return !child_->start(awaiting);
  }
  [[nodiscard]] bool await_resume() {
    const bool done = child_->done();
    child_.reset();
    waiter_.park.unlink();
    return done;
  }

 private:
  std::optional<Task<void>> child_;
  WaitSlot& slot_;
  bool already_;
  Waiter waiter_;
};

// Tasks that nobody awaits. Each is started by spawn() and leaves when it is done; destroying
// the group cancels those that are left. The only place in Rocket where a coroutine is detached.
class TaskGroup {
 public:
  explicit TaskGroup(RunQueue& queue) : empty_(queue) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { cancel_all(); }

  void spawn(Task<void> task) { run(*this, std::move(task)); }

  [[nodiscard]] size_t size() const { return size_; }
  // Signalled whenever the last task has left.
  [[nodiscard]] WaitSlot& emptied() { return empty_; }

  void cancel_all() {
    while (head_.linked()) {
      static_cast<Root::promise_type*>(head_.next())->handle().destroy();
    }
  }

 private:
  struct Root {
    struct promise_type : FramePromise, ListHook {
      promise_type(TaskGroup& owner, Task<void>&) : group(owner) {
        link_before(group.head_);
        ++group.size_;
      }
      ~promise_type() {
        unlink();
        if (--group.size_ == 0) group.empty_.signal_all();
      }
      promise_type(const promise_type&) = delete;
      promise_type& operator=(const promise_type&) = delete;

      [[nodiscard]] std::coroutine_handle<promise_type> handle() {
        return std::coroutine_handle<promise_type>::from_promise(*this);
      }
      [[nodiscard]] Root get_return_object() const noexcept { return {}; }
      [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
      [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
      [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
      void return_void() const noexcept {}

      TaskGroup& group;
    };
  };

  static Root run(TaskGroup&, Task<void> task) { co_await std::move(task); }

  ListHook head_;
  size_t size_ = 0;
  WaitSlot empty_;
};

}  // namespace rocket
