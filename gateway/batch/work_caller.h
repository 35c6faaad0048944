#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "net/epoll_loop.h"
#include "net/io.h"
#include "store/work_thread.h"

namespace rocket {

// How the coroutines of one loop have something done on a thread that may block, and go on with
// what came of it on their own loop. Work that is under way when its caller is destroyed is done
// to its end and its result is dropped: what it uses, it owns, or it outlives the thread.
//
// The threads are joined before the loop is destroyed.
class WorkCaller {
 public:
  // Runs something on the loop; called on any thread.
  using Post = std::function<void(std::function<void()>)>;

  explicit WorkCaller(EpollLoop& loop)
      : WorkCaller(loop, [&loop](std::function<void()> work) { loop.post(std::move(work)); }) {}
  WorkCaller(Timers& timers, Post post) : timers_(timers), post_(std::move(post)) {}

  // What work() returns, a Result; overloaded if the thread takes on no more.
  template <class Work>
  [[nodiscard]] Task<std::invoke_result_t<Work&>> call(WorkThread& thread, Work work) const {
    using R = std::invoke_result_t<Work&>;
    return ask<R>([&thread, work = std::move(work)](auto reply) mutable {
      return thread.post(
          [work = std::move(work), reply = std::move(reply)]() mutable { reply(work()); });
    });
  }

  // The same for whoever posts by himself: start(reply) sees to it that reply(R) is called once,
  // on whatever thread, or returns false.
  template <class R, class Start>
  [[nodiscard]] Task<R> ask(Start start) const {
    const auto answer = std::make_shared<Answer<R>>(timers_.run_queue());
    const bool taken = start([answer, post = post_](R value) {
      answer->value.emplace(std::move(value));
      post([answer] {
        answer->arrived = true;
        answer->arrival.signal_all();
      });
    });
    if (!taken)
      co_return fail(ErrorCode::overloaded, "too much waits for the disk; try again soon");
    while (!answer->arrived) {
      co_await Wait(timers_, answer->arrival, never);
    }
    co_return std::move(*answer->value);
  }

 private:
  // Shared by the caller, the work and the post that brings the answer; the last one frees it.
  template <class R>
  struct Answer {
    explicit Answer(RunQueue& queue) : arrival(queue) {}
    std::optional<R> value;
    bool arrived = false;  // the loop's own
    WaitSlot arrival;
  };

  Timers& timers_;
  Post post_;
};

}  // namespace rocket
