#include "net/signals.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/assert.h"

namespace rocket {

Signals::Signals(EpollLoop& loop, std::function<void(int)> on_signal)
    : loop_(loop),
      on_signal_(std::move(on_signal)),
      fd_(::signalfd(-1, &handled(), SFD_NONBLOCK | SFD_CLOEXEC)) {
  ROCKET_ASSERT(fd_ && loop_.watch(fd_.get(), EPOLLIN, *this));
}

void Signals::block() {
  ::pthread_sigmask(SIG_BLOCK, &handled(), nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

const sigset_t& Signals::handled() {
  static const sigset_t set = [] {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
      ::sigaddset(&signals, number);
    return signals;
  }();
  return set;
}

void Signals::on_events(std::uint32_t) {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
    loop_.post([this, number = static_cast<int>(info.ssi_signo)] { on_signal_(number); });
  }
}

}  // namespace rocket
