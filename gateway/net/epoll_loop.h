#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/timer_wheel.h"
#include "net/file_descriptor.h"
#include "net/io.h"

namespace rocket {

// What the kernel tells about one descriptor. on_events() only notes what became possible and
// queues waiters; it resumes nothing and destroys nothing.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_events(std::uint32_t events) = 0;
};

// One thread's event loop: epoll, edge-triggered, each descriptor registered once for its life.
//
// That is why it is not Boost.Asio (docs/decisions/0001): Asio's readiness wait costs one
// epoll_ctl per wait, and its reads without one keep a buffer per idle connection.
//
// Everything but post() and stop() belongs to the thread that runs run().
class EpollLoop final : public Timers {
 public:
  EpollLoop();
  ~EpollLoop() override;

  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] TimePoint clock() const override;
  [[nodiscard]] WallTime wall_now() const override;
  void arm(Waiter& waiter, TimePoint deadline) override { wheel_.arm(waiter, deadline); }
  [[nodiscard]] RunQueue& run_queue() override { return queue_; }

  // Reports `events` (EPOLLIN, EPOLLOUT, ...) of `fd` to `sink` until the descriptor is closed.
  // False: the kernel can watch no more (fs.epoll.max_user_watches, memory).
  [[nodiscard]] bool watch(int fd, std::uint32_t events, EventSink& sink);

  // Any thread: runs `work` on the loop's thread in one of its next turns.
  void post(std::function<void()> work);

  // Runs until stop(); what was posted before stop() is still run.
  void run();
  void stop();

  // Any thread: for how long it has not waited, over all the turns that have ended.
  [[nodiscard]] Duration busy() const { return Duration(busy_.load(std::memory_order_relaxed)); }

  // 64 KiB for reading into and parsing from at once; never held across a co_await.
  [[nodiscard]] std::span<char> scratch() { return scratch_; }

 private:
  class PostSink;

  void turn();
  void run_posted();
  void note_busy();

  FileDescriptor epoll_;
  TimePoint now_;
  TimePoint busy_since_;
  std::atomic<Duration::rep> busy_ = 0;  // written by the loop alone
  RunQueue queue_;
  TimerWheel wheel_;
  std::vector<char> scratch_;

  std::unique_ptr<PostSink> post_sink_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace rocket
