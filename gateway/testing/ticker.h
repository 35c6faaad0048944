#pragma once

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "net/epoll_loop.h"
#include "net/file_descriptor.h"

namespace rocket {

// Ticks once a `period`, to the microsecond, where the loop's own deadlines come by the
// millisecond and so would come in lumps. Belongs to one loop; one coroutine may wait.
class Ticker final : private EventSink {
 public:
  Ticker(EpollLoop& loop, Duration period)
      : loop_(loop),
        ticked_(loop.run_queue()),
        fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    ROCKET_ASSERT(fd_);
    const timespec each{.tv_sec = period / std::chrono::seconds(1),
                        .tv_nsec = (period % std::chrono::seconds(1)).count()};
    const itimerspec both{.it_interval = each, .it_value = each};
    ROCKET_ASSERT(::timerfd_settime(fd_.get(), 0, &both, nullptr) == 0);
    ROCKET_ASSERT(loop.watch(fd_.get(), EPOLLIN, *this));
  }

  // Suspends until there is a tick to take.
  [[nodiscard]] Wait ticked() {
    return {loop_, ticked_, never, ticks_ > 0 ? Wait::Mode::go_on : Wait::Mode::park};
  }
  // How many ticks there were since the last call: more than one if the loop was late.
  [[nodiscard]] std::uint64_t take() { return std::exchange(ticks_, 0); }

 private:
  void on_events(std::uint32_t) override {
    std::uint64_t count = 0;
    if (::read(fd_.get(), &count, sizeof count) == sizeof count) ticks_ += count;
    ticked_.signal_one();
  }

  EpollLoop& loop_;
  WaitSlot ticked_;
  FileDescriptor fd_;
  std::uint64_t ticks_ = 0;
};

}  // namespace rocket
