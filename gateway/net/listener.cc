#include "net/listener.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "net/resolver.h"
#include "net/socket_stream.h"

namespace rocket {
namespace {

constexpr int backlog = 4096;
constexpr Duration descriptor_pause = std::chrono::milliseconds(100);
// Then those who are in have their turn: thousands may come at once.
constexpr unsigned accepts_per_turn = 16;

std::unexpected<Error> system_failure() {
  return fail(ErrorCode::internal, std::strerror(errno));
}

}  // namespace

Result<FileDescriptor> listen_tcp(const std::string& host, std::uint16_t port, bool shared) {
  const auto address = SocketAddress::from_literal(host == "localhost" ? "127.0.0.1" : host, port);
  if (!address) return fail(ErrorCode::internal, "not an IP address: " + host);
  FileDescriptor fd(
      ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_failure();
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(fd.get(), address->get(), address->length) != 0) return system_failure();
  if (::listen(fd.get(), backlog) != 0) return system_failure();
  return fd;
}

Result<FileDescriptor> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::internal, "the path is longer than 107 bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_failure();
  if (::connect(fd.get(), generic, sizeof address) == 0) {
    errno = EADDRINUSE;
    return system_failure();
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
  // Nobody but the owner may connect, from the first moment on.
  const mode_t old_mask = ::umask(0177);
  const int bound = ::bind(fd.get(), generic, sizeof address);
  ::umask(old_mask);
  if (bound != 0 || ::listen(fd.get(), backlog) != 0) return system_failure();
  return fd;
}

Result<FileDescriptor> listen_private_unix(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_failure();
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) return system_failure();
  const bool ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  if (!ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::internal,
                "others may write to its folder; name one that does not exist yet or that only you "
                "may write to");
  }
  return listen_unix(path);
}

bool from_own_user(const FileDescriptor& connection) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

std::uint16_t local_port(const FileDescriptor& listener) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  if (storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  }
  if (storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  }
  return 0;
}

Listener::Listener(EpollLoop& loop, FileDescriptor fd, ConnectionCount& count,
                   MakeStream make_stream)
    : loop_(loop),
      fd_(std::move(fd)),
      count_(count),
      make_stream_(std::move(make_stream)),
      acceptable_(loop.run_queue()) {
  ROCKET_ASSERT(loop_.watch(fd_.get(), EPOLLIN, *this));
  if (make_stream_) return;
  make_stream_ = [&loop](FileDescriptor connection) {
    return std::make_unique<SocketStream>(loop, std::move(connection));
  };
}

void Listener::on_events(std::uint32_t) {
  acceptable_.signal_one();
}

FileDescriptor Listener::accept_one() const {
  return FileDescriptor(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

Task<void> Listener::accept_all(OnAccept on_accept) {
  unsigned accepted = 0;
  while (true) {
    while (count_.full()) {
      co_await Wait(loop_, count_.freed(), never);
    }
    FileDescriptor fd = accept_one();
    if (fd) {
      hand_over(std::move(fd), on_accept);
      if (++accepted % accepts_per_turn != 0) continue;
      co_await Wait(loop_, acceptable_, never, Wait::Mode::yield);
    } else if (errno == EAGAIN) {
      co_await Wait(loop_, acceptable_, never);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      co_await SleepUntil(loop_, loop_.now() + descriptor_pause);
    }
    // Anything else concerns the one connection that did not come about.
  }
}

void Listener::accept_waiting(const OnAccept& on_accept) {
  while (FileDescriptor fd = accept_one()) {
    hand_over(std::move(fd), on_accept);
  }
}

void Listener::hand_over(FileDescriptor fd, const OnAccept& on_accept) const {
  if (auto stream = make_stream_(std::move(fd))) on_accept(std::move(stream));
}

}  // namespace rocket
