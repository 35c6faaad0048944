#include "net/socket_dialer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace rocket {
namespace {

// Why there is no connection. What this machine lacks is not the endpoint's fault.
std::unexpected<Error> connect_failure(int error) {
  switch (error) {
    case ECONNREFUSED: return fail(ErrorCode::connect_refused);
    case EMFILE:
    case ENFILE:
      return fail(ErrorCode::overloaded,
                  "no descriptor is left for a connection to a backend; try again soon");
    case ENOBUFS:
    case ENOMEM:
      return fail(ErrorCode::overloaded,
                  "this machine can open no more connections; try again soon");
    default: return fail(ErrorCode::connect_failed, std::strerror(error));
  }
}

// Starts a connection. It may still be under way, or have failed already.
Result<FileDescriptor> start_connecting(const SocketAddress& target) {
  FileDescriptor fd(
      ::socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return connect_failure(errno);
  if (::connect(fd.get(), target.get(), target.length) == 0 || errno == EINPROGRESS) return fd;
  return connect_failure(errno);
}

}  // namespace

Task<Result<std::unique_ptr<ByteStream>>> SocketDialer::dial(Address address, TimePoint deadline) {
  auto targets = co_await resolver_.resolve(address.host, address.port, deadline);
  if (!targets) co_return std::unexpected(targets.error());
  Result<std::unique_ptr<ByteStream>> stream = fail(ErrorCode::connect_failed);
  for (size_t i = 0; i < targets->size(); ++i) {
    // One that says nothing leaves the others their share of the time.
    const TimePoint now = loop_.now();
    const auto left = static_cast<Duration::rep>(targets->size() - i);
    const TimePoint by = deadline_after(now, (deadline - now) / left);
    stream = co_await dial_one((*targets)[i], address, by);
    if (stream && i != 0) resolver_.prefer(address.host, address.port, (*targets)[i]);
    if (stream || loop_.now() >= deadline) break;
  }
  co_return stream;
}

Task<Result<std::vector<IpAddress>>> SocketDialer::resolve(std::string host, TimePoint deadline) {
  auto found = co_await strangers_.resolve_once(std::move(host), deadline);
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::vector<IpAddress> addresses;
  for (const SocketAddress& one : *found) {
    if (const auto address = one.ip()) addresses.push_back(*address);
  }
  if (addresses.empty()) co_return fail(ErrorCode::connect_failed);
  co_return addresses;
}

Task<Result<std::unique_ptr<ByteStream>>> SocketDialer::dial_one(const SocketAddress& target,
                                                                 const Address& address,
                                                                 TimePoint deadline) {
  auto fd = start_connecting(target);
  if (!fd) co_return std::unexpected(fd.error());
  if (address.tls) co_return co_await dial_tls(std::move(*fd), address, deadline);
  auto stream = std::make_unique<SocketStream>(loop_, std::move(*fd));
  const auto connected = co_await stream->connected(deadline);
  if (!connected) co_return std::unexpected(connected.error());
  co_return std::unique_ptr<ByteStream>(std::move(stream));
}

Task<Result<std::unique_ptr<ByteStream>>> SocketDialer::dial_tls(FileDescriptor fd,
                                                                 const Address& address,
                                                                 TimePoint deadline) {
  auto stream = std::make_unique<TlsStream>(loop_, std::move(fd));
  const auto connected = co_await stream->connected(deadline);
  if (!connected) co_return std::unexpected(connected.error());
  // Another connection may have it made anew while this one waits.
  const auto context = tls_.context(address.ca_file);
  if (!context) co_return std::unexpected(context.error());
  std::string name = address.proven_name.empty() ? address.host : address.proven_name;
  const auto proven = co_await stream->handshake(*context, std::move(name), deadline);
  if (!proven) co_return std::unexpected(proven.error());
  co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace rocket
