#pragma once

#include "net/resolver.h"
#include "net/tls.h"

namespace rocket {

// Connects sockets: every address of a name in turn, within one deadline. One per loop.
class SocketDialer final : public Dialer {
 public:
  explicit SocketDialer(EpollLoop& loop) : loop_(loop), resolver_(loop) {}

  [[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>> dial(Address address,
                                                               TimePoint deadline) override;

 private:
  [[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>> dial_one(SocketAddress target,
                                                                   const Address& address,
                                                                   TimePoint deadline);

  EpollLoop& loop_;
  Resolver resolver_;
  TlsClient tls_;
};

}  // namespace rocket
