#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "net/socket_stream.h"

namespace rocket {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// What TLS to upstreams trusts: the system's store, or one CA file. TLS 1.2 and up; certificates
// and names are always verified. One per loop.
class TlsClient {
 public:
  // The context for `ca_file` (empty: the system's store), or connect_failed with the reason; for
  // use at once. It is made anew when the file has been replaced; while the new one can not be
  // read, the old one counts.
  [[nodiscard]] Result<SSL_CTX*> context(const std::string& ca_file);

 private:
  struct Trust {
    // What tells one version of a file from another: inode, size, and when it was changed.
    using Version = std::tuple<ino_t, off_t, time_t, long>;

    std::unique_ptr<SSL_CTX, SslContextDeleter> context;
    Version version{};

    [[nodiscard]] static Version version_of(const std::string& ca_file);
  };

  std::map<std::string, Trust> trusted_;
};

// What the data port proves itself with: a certificate, those that lead to its issuer, and its
// key, all in PEM files. TLS 1.2 and 1.3 with authenticated ciphers and fresh keys only; HTTP/1.1
// is what it speaks inside. Shared by all loops. An error's detail has OpenSSL's reason.
[[nodiscard]] Result<std::shared_ptr<SSL_CTX>> make_tls_server(const std::string& cert_file,
                                                               const std::string& key_file);

// TLS over a connected socket.
class TlsStream final : public SocketStream {
 public:
  // The client's side, to be followed by handshake().
  TlsStream(EpollLoop& loop, FileDescriptor fd);
  // The server's side, to be followed by opened(). The stream holds on to `context`.
  TlsStream(EpollLoop& loop, FileDescriptor fd, SSL_CTX* context);

  // The client's side: completes when `host` (a name or an IP literal) is proven, or fails with
  // connect_timeout or connect_failed and OpenSSL's reason.
  [[nodiscard]] Task<Result<void>> handshake(SSL_CTX* context, std::string host,
                                             TimePoint deadline);

  [[nodiscard]] Task<bool> opened(TimePoint deadline) override;
  [[nodiscard]] IoResult try_read(std::span<char> into) override;
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces) override;
  void end_writing() override;
  [[nodiscard]] bool quiet() override;

 private:
  void on_events(std::uint32_t events) override;
  // What came of an attempt that did not succeed. If it would block, `ready` is over: readable_ of
  // whoever reads, writable_ of whoever writes.
  [[nodiscard]] IoResult blocked_or_failed(int result, bool& ready);
  void discard_input();

  std::unique_ptr<SSL, SslDeleter> ssl_;
};

}  // namespace rocket
