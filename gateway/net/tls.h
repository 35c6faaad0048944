#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>

#include "net/socket_stream.h"

namespace rocket {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// What TLS to upstreams trusts: the system's store, or one CA file. TLS 1.2 and up; certificates
// and names are always verified. Contexts are made once per CA file. One per loop.
class TlsClient {
 public:
  // The context for `ca_file` (empty: the system's store), or connect_failed with the reason.
  [[nodiscard]] Result<SSL_CTX*> context(const std::string& ca_file);

 private:
  std::map<std::string, std::unique_ptr<SSL_CTX, SslContextDeleter>> contexts_;
};

// TLS over a connected socket.
class TlsStream final : public SocketStream {
 public:
  TlsStream(EpollLoop& loop, FileDescriptor fd);

  // The client's side: completes when `host` (a name or an IP literal) is proven, or fails with
  // connect_timeout or connect_failed and OpenSSL's reason.
  [[nodiscard]] Task<Result<void>> handshake(SSL_CTX* context, std::string host,
                                             TimePoint deadline);

  [[nodiscard]] IoResult try_read(std::span<char> into) override;
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces) override;
  void end_writing() override;
  [[nodiscard]] bool quiet() override;

 private:
  void on_events(std::uint32_t events) override;
  [[nodiscard]] IoResult blocked_or_failed(int result);

  std::unique_ptr<SSL, SslDeleter> ssl_;
};

}  // namespace rocket
