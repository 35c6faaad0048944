#include "net/socket_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rocket {
namespace {

// What the kernel buffers of what can not be sent yet. Without a bound it is megabytes: held for
// each peer that takes nothing, and a peer that takes little would look like one, since the kernel
// says "writable" only when a third of it is free.
constexpr int unsent_bytes_max = 128 * 1024;

}  // namespace

SocketStream::SocketStream(EpollLoop& loop, FileDescriptor fd)
    : ByteStream(loop), fd_(std::move(fd)) {
  // A token must leave when it is written, not when a timer says so. Both fail on Unix sockets,
  // which have no such delay and small buffers.
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max,
               sizeof unsent_bytes_max);
  if (loop.watch(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, *this)) return;
  // Nobody may wait for what will never be told: the connection is over.
  ::shutdown(fd_.get(), SHUT_RDWR);
  set_hung_up();
}

void SocketStream::on_events(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) set_hung_up();
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) set_readable();
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) set_writable();
}

IoResult SocketStream::try_read(std::span<char> into) {
  while (true) {
    const ssize_t count = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (count > 0) {
      const auto bytes = static_cast<size_t>(count);
      // A short read has emptied the socket: the next arrival is a new edge, so waiting for it
      // needs no read that ends in EAGAIN. Not after a hang-up, whose edge has been and gone.
      if (bytes < into.size()) readable_ = hung_up_;
      return IoResult::done(bytes);
    }
    if (count == 0) return IoResult::end();
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      readable_ = false;
      return IoResult::would_block();
    }
    return IoResult::failed();
  }
}

IoResult SocketStream::try_write(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  // Of more pieces the kernel takes none (sendmsg(2): EMSGSIZE).
  message.msg_iovlen = std::min<size_t>(pieces.size(), IOV_MAX);
  while (true) {
    const ssize_t count = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (count >= 0) return IoResult::done(static_cast<size_t>(count));
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      writable_ = false;
      return IoResult::would_block();
    }
    return IoResult::failed();
  }
}

void SocketStream::end_writing() {
  ::shutdown(fd_.get(), SHUT_WR);
}

void SocketStream::give_up_unsent() {
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

Task<Result<void>> SocketStream::connected(TimePoint deadline) {
  // Nothing has been told yet of a connection that is just being made: it can not be watched.
  if (hung_up()) {
    co_return fail(ErrorCode::overloaded, "this machine can open no more connections");
  }
  writable_ = false;
  const Wake wake = co_await writable(deadline);
  if (wake == Wake::timed_out) co_return fail(ErrorCode::connect_timeout);
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) co_return Result<void>{};
  if (error == ECONNREFUSED) co_return fail(ErrorCode::connect_refused);
  co_return fail(ErrorCode::connect_failed, std::strerror(error));
}

std::string SocketStream::peer() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return "?";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  } else if (storage.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  } else {
    return "unix";
  }
  return text.data();
}

}  // namespace rocket
