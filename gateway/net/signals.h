#pragma once

#include <csignal>
#include <functional>

#include "net/epoll_loop.h"
#include "net/file_descriptor.h"

namespace rocket {

// SIGTERM, SIGINT and SIGHUP as work for a loop: `on_signal` is called with the number, in a turn
// of its own, since what a signal sets off may destroy sinks whose events are still to be told.
class Signals final : private EventSink {
 public:
  Signals(EpollLoop& loop, std::function<void(int)> on_signal);

  // To be called before any thread is started, so that all of them inherit it. A peer or a log
  // reader that is gone, or a file that is as large as it may be (RLIMIT_FSIZE), is from then on an
  // error of the write, not the end of the process.
  static void block();

 private:
  [[nodiscard]] static const sigset_t& handled();
  void on_events(std::uint32_t events) override;

  EpollLoop& loop_;
  std::function<void(int)> on_signal_;
  FileDescriptor fd_;
};

}  // namespace rocket
