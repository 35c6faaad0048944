#include "net/epoll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/assert.h"

namespace rocket {
namespace {

constexpr size_t scratch_bytes = 64 * 1024;
constexpr int events_per_turn = 256;

TimePoint read_clock() {
  return std::chrono::steady_clock::now();
}

int wait_ms(TimePoint now, TimePoint until) {
  if (until == never) return -1;
  if (until <= now) return 0;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::min<std::int64_t>(ms, 3'600'000));
}

}  // namespace

// Wakes the loop when another thread has posted work.
class EpollLoop::PostSink final : public EventSink {
 public:
  explicit PostSink(EpollLoop& loop) : loop_(loop), fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    ROCKET_ASSERT(fd_ && loop_.watch(fd_.get(), EPOLLIN, *this));
  }

  void ring() const {
    const std::uint64_t one = 1;
    // Full only if nobody has read it yet, and then the loop is awake anyway.
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
  }

  void on_events(std::uint32_t) override {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = ::read(fd_.get(), &count, sizeof count);
    rung_ = true;
  }

  [[nodiscard]] bool take_rung() { return std::exchange(rung_, false); }

 private:
  EpollLoop& loop_;
  FileDescriptor fd_;
  bool rung_ = false;
};

EpollLoop::EpollLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      now_(read_clock()),
      wheel_(now_, queue_),
      scratch_(scratch_bytes) {
  ROCKET_ASSERT(epoll_);
  post_sink_ = std::make_unique<PostSink>(*this);
}

EpollLoop::~EpollLoop() = default;

TimePoint EpollLoop::clock() const {
  return read_clock();
}

WallTime EpollLoop::wall_now() const {
  return std::chrono::system_clock::now();
}

bool EpollLoop::watch(int fd, std::uint32_t events, EventSink& sink) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.ptr = &sink;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EpollLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(work));
  }
  post_sink_->ring();
}

void EpollLoop::stop() {
  stopped_.store(true, std::memory_order_release);
  post_sink_->ring();
}

void EpollLoop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
  }
  for (const auto& item : work)
    item();
}

void EpollLoop::run() {
  busy_since_ = read_clock();
  while (!stopped_.load(std::memory_order_acquire))
    turn();
  run_posted();
}

// A turn that finds more to do at once goes on being busy, and reads no clock for that.
void EpollLoop::note_busy() {
  const Duration more = read_clock() - busy_since_;
  busy_.store(busy_.load(std::memory_order_relaxed) + more.count(), std::memory_order_relaxed);
}

void EpollLoop::turn() {
  std::array<epoll_event, events_per_turn> events;
  const int timeout = queue_.empty() ? wait_ms(now_, wheel_.next_expiry()) : 0;
  if (timeout != 0) note_busy();
  const int count = ::epoll_wait(epoll_.get(), events.data(), events_per_turn, timeout);
  ROCKET_ASSERT(count >= 0 || errno == EINTR);
  now_ = read_clock();
  if (timeout != 0) busy_since_ = now_;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    static_cast<EventSink*>(event.data.ptr)->on_events(event.events);
  }
  wheel_.advance(now_);
  if (post_sink_->take_rung()) run_posted();
  queue_.drain();
}

}  // namespace rocket
