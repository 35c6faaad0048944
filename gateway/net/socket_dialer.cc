#include "net/socket_dialer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace rocket {
namespace {

// Starts a connection. It may still be under way, or have failed already.
Result<FileDescriptor> start_connecting(const SocketAddress& target) {
  FileDescriptor fd(
      ::socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(ErrorCode::connect_failed, std::strerror(errno));
  if (::connect(fd.get(), target.get(), target.length) == 0 || errno == EINPROGRESS) return fd;
  if (errno == ECONNREFUSED) return fail(ErrorCode::connect_refused);
  return fail(ErrorCode::connect_failed, std::strerror(errno));
}

}  // namespace

Task<Result<std::unique_ptr<ByteStream>>> SocketDialer::dial(Address address, TimePoint deadline) {
  auto targets = co_await resolver_.resolve(address.host, address.port, deadline);
  if (!targets) co_return std::unexpected(targets.error());
  Result<std::unique_ptr<ByteStream>> stream = fail(ErrorCode::connect_failed);
  for (const SocketAddress& target : *targets) {
    stream = co_await dial_one(target, address, deadline);
    if (stream || stream.error().code == ErrorCode::connect_timeout) break;
  }
  co_return stream;
}

Task<Result<std::unique_ptr<ByteStream>>> SocketDialer::dial_one(SocketAddress target,
                                                                 const Address& address,
                                                                 TimePoint deadline) {
  auto fd = start_connecting(target);
  if (!fd) co_return std::unexpected(fd.error());
  if (!address.tls) {
    auto stream = std::make_unique<SocketStream>(loop_, std::move(*fd));
    const auto connected = co_await stream->connected(deadline);
    if (!connected) co_return std::unexpected(connected.error());
    co_return std::unique_ptr<ByteStream>(std::move(stream));
  }
  const auto context = tls_.context(address.ca_file);
  if (!context) co_return std::unexpected(context.error());
  auto stream = std::make_unique<TlsStream>(loop_, std::move(*fd));
  const auto connected = co_await stream->connected(deadline);
  if (!connected) co_return std::unexpected(connected.error());
  const auto proven = co_await stream->handshake(*context, address.host, deadline);
  if (!proven) co_return std::unexpected(proven.error());
  co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace rocket
