#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ip_address.h"
#include "base/task.h"
#include "base/timestamp.h"
#include "base/waiter.h"

// What the request's path may know of the outside world. Two implementations of each: sockets
// and epoll in net/, a simulated network and clock in testing/.
namespace rocket {

// The loop's clock and alarm.
class Timers {
 public:
  virtual ~Timers() = default;
  // The time at which the loop last woke; the same within one turn of the loop.
  [[nodiscard]] virtual TimePoint now() const = 0;
  // The time as it is: for what happens within a turn, and dearer than now().
  [[nodiscard]] virtual TimePoint clock() const = 0;
  // The time of day, for what people read; never for deadlines.
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  virtual void arm(Waiter& waiter, TimePoint deadline) = 0;
  [[nodiscard]] virtual RunQueue& run_queue() = 0;
};

// Suspends until `slot` is signalled or `deadline` comes. If what is waited for is there already:
// not at all (`go_on`), or only behind whatever else is ready to run (`yield`).
class [[nodiscard]] Wait {
 public:
  enum class Mode : unsigned char { park, go_on, yield };

  Wait(Timers& timers, WaitSlot& slot, TimePoint deadline, Mode mode = Mode::park)
      : timers_(timers), slot_(slot), deadline_(deadline), mode_(mode) {}

  [[nodiscard]] bool await_ready() const noexcept { return mode_ == Mode::go_on; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    waiter_.handle = awaiting;
    if (mode_ == Mode::yield) {
      slot_.queue().push(waiter_, Wake::signalled);
      return;
    }
    slot_.park(waiter_);
    timers_.arm(waiter_, deadline_);
  }
  // May be ignored: whoever tries again finds out for himself.
  Wake await_resume() const noexcept { return waiter_.wake; }

 private:
  Timers& timers_;
  WaitSlot& slot_;
  TimePoint deadline_;
  Mode mode_;
  Waiter waiter_;
};

// Suspends until `deadline`.
class [[nodiscard]] SleepUntil {
 public:
  SleepUntil(Timers& timers, TimePoint deadline) : timers_(timers), deadline_(deadline) {}
  [[nodiscard]] bool await_ready() const noexcept { return deadline_ <= timers_.now(); }
  void await_suspend(std::coroutine_handle<> awaiting) {
    waiter_.handle = awaiting;
    timers_.arm(waiter_, deadline_);
  }
  void await_resume() const noexcept {}

 private:
  Timers& timers_;
  TimePoint deadline_;
  Waiter waiter_;
};

// The outcome of one non-blocking read or write.
struct IoResult {
  enum class Status : unsigned char { done, would_block, end, failed };
  Status status;
  size_t bytes = 0;  // with `done`; more than none

  [[nodiscard]] static IoResult done(size_t bytes) { return {Status::done, bytes}; }
  [[nodiscard]] static IoResult would_block() { return {Status::would_block}; }
  [[nodiscard]] static IoResult end() { return {Status::end}; }
  [[nodiscard]] static IoResult failed() { return {Status::failed}; }
};

// A connected, ordered byte stream: TCP, TLS, a Unix socket or a simulated one.
//
// Try first, wait only after would_block: an idle stream then holds no buffer, and no read ends
// in vain. One coroutine may wait to read, one to write, any number for the peer to hang up.
// Belongs to one loop. The destructor closes it.
class ByteStream {
 public:
  explicit ByteStream(Timers& timers)
      : timers_(timers),
        read_slot_(timers.run_queue()),
        write_slot_(timers.run_queue()),
        hangup_slot_(timers.run_queue()) {}
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  // `end`: the peer will send no more. `failed`: the connection is broken.
  [[nodiscard]] virtual IoResult try_read(std::span<char> into) = 0;
  // Never `end`. At most 64 pieces; may take fewer bytes than given.
  [[nodiscard]] virtual IoResult try_write(std::span<const iovec> pieces) = 0;
  // Tells the peer that nothing more will be written; reading goes on.
  virtual void end_writing() {}
  // What the peer has not taken yet is given up: closing resets the connection instead of leaving
  // the rest to the kernel, which would hold it for a peer that takes nothing.
  virtual void give_up_unsent() {}
  // Makes an accepted connection ready for its first read: TLS's handshake. False: it did not come
  // about by `deadline`, and the connection is good for nothing.
  [[nodiscard]] virtual Task<bool> opened(TimePoint /*deadline*/) { co_return true; }
  // The peer's address for logs ("127.0.0.1"); never sent upstream.
  [[nodiscard]] virtual std::string peer() const = 0;

  // True once the peer has closed its sending side or the connection has broken, even while
  // bytes it sent before are still unread.
  [[nodiscard]] bool hung_up() const { return hung_up_; }
  [[nodiscard]] WaitSlot& hangup() { return hangup_slot_; }

  // A read would find nothing: the last one emptied the stream. False does not say that there is
  // something. Saves the system call that would only say so.
  [[nodiscard]] bool empty() const { return !readable_; }
  // True if nothing has arrived since the last read emptied the stream: an idle connection that
  // is not quiet has been closed or written to by its peer, and can not be used again.
  [[nodiscard]] virtual bool quiet() { return !readable_ && !hung_up_; }
  // Resumes whoever waits to read, so that he looks at the world again (a drain, for one).
  void wake_reader() { read_slot_.signal_one(); }

  // To be awaited before the next try. Every few turns even a ready stream yields, so that one
  // fast peer can not keep the others waiting.
  [[nodiscard]] Wait readable(TimePoint deadline) {
    return {timers_, read_slot_, deadline, mode(readable_)};
  }
  [[nodiscard]] Wait writable(TimePoint deadline) {
    return {timers_, write_slot_, deadline, mode(writable_)};
  }

  // Lets everything else that is ready go first: before what this peer has sent in advance.
  [[nodiscard]] Wait give_way() { return {timers_, read_slot_, never, Wait::Mode::yield}; }

  [[nodiscard]] Timers& timers() { return timers_; }

 protected:
  void set_readable() {
    readable_ = true;
    read_slot_.signal_one();
  }
  void set_writable() {
    writable_ = true;
    write_slot_.signal_one();
  }
  void set_hung_up() {
    hung_up_ = true;
    hangup_slot_.signal_all();
  }

  Timers& timers_;
  // What the implementation knows: false after a would_block, and after a read that emptied the
  // stream; true again with the next arrival.
  bool readable_ = true;
  bool writable_ = true;
  bool hung_up_ = false;

 private:
  static constexpr unsigned turns_max = 16;

  [[nodiscard]] Wait::Mode mode(bool ready) {
    if (!ready) {
      turns_ = 0;
      return Wait::Mode::park;
    }
    return ++turns_ % turns_max == 0 ? Wait::Mode::yield : Wait::Mode::go_on;
  }

  unsigned turns_ = 0;
  WaitSlot read_slot_;
  WaitSlot write_slot_;
  WaitSlot hangup_slot_;
};

// Where to connect: a resolved or resolvable address.
struct Address {
  std::string host;  // a name, an IPv4 or IPv6 literal without brackets, or a path if `unix`
  std::uint16_t port = 0;
  bool tls = false;
  std::string ca_file;  // with tls: trust this instead of the system's store
  // With tls: whom the certificate has to prove, where `host` is the address of a name that has
  // been resolved before; empty: the host.
  std::string proven_name{};

  [[nodiscard]] bool operator==(const Address&) const = default;
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // A connected stream (with TLS: handshake done, name verified), or connect_refused,
  // connect_timeout or connect_failed; overloaded if it is this machine that can open no more.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<ByteStream>>> dial(Address address,
                                                                       TimePoint deadline) = 0;

  // What a name of a stranger's means now, or an address itself: at least one address, or
  // connect_failed or connect_timeout; overloaded if this machine can ask no more. It is asked
  // anew each time, nothing of it is kept, and it does not hold up the names that dial() resolves.
  [[nodiscard]] virtual Task<Result<std::vector<IpAddress>>> resolve(std::string host,
                                                                     TimePoint deadline) = 0;
};

// What one event loop offers to the objects that live on it.
struct Io {
  Timers& timers;
  Dialer& dialer;
  // For reading into and parsing from at once; never held across a co_await.
  std::span<char> scratch;
};

}  // namespace rocket
