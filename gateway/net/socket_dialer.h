#pragma once

#include "net/resolver.h"
#include "net/tls.h"

namespace rocket {

// Connects sockets: every address of a name in turn, each with an equal share of the time, until
// one can be connected to; that one comes first from then on. One per loop.
class SocketDialer final : public Dialer {
 public:
  explicit SocketDialer(EpollLoop& loop) : loop_(loop), resolver_(loop), strangers_(loop) {}

  [[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>> dial(Address address,
                                                               TimePoint deadline) override;
  [[nodiscard]] Task<Result<std::vector<IpAddress>>> resolve(std::string host,
                                                             TimePoint deadline) override;

 private:
  // What is referred to outlives the task. TLS by itself, so that who needs none has no room for
  // it.
  [[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>> dial_one(const SocketAddress& target,
                                                                   const Address& address,
                                                                   TimePoint deadline);
  [[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>> dial_tls(FileDescriptor fd,
                                                                   const Address& address,
                                                                   TimePoint deadline);

  EpollLoop& loop_;
  Resolver resolver_;
  Resolver strangers_;  // with threads of its own: their names may take as long as they like
  TlsClient tls_;
};

}  // namespace rocket
