#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>

#include "net/resolver.h"

namespace rocket {
namespace {

// A TLS record holds at most 16 KiB, so gathering more into one SSL_write gains nothing.
constexpr size_t record_bytes = 16 * 1024;

std::string last_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "connection closed during the handshake";
}

}  // namespace

Result<SSL_CTX*> TlsClient::context(const std::string& ca_file) {
  auto& context = contexts_[ca_file];
  if (context) return context.get();
  std::unique_ptr<SSL_CTX, SslContextDeleter> fresh(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(fresh.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(fresh.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(fresh.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  const int trusted = ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(fresh.get())
                          : SSL_CTX_load_verify_locations(fresh.get(), ca_file.c_str(), nullptr);
  if (trusted != 1) return fail(ErrorCode::connect_failed, "ca_file: " + last_reason());
  context = std::move(fresh);
  return context.get();
}

TlsStream::TlsStream(EpollLoop& loop, FileDescriptor fd) : SocketStream(loop, std::move(fd)) {}

void TlsStream::on_events(std::uint32_t events) {
  SocketStream::on_events(events);
  // TLS may have to write in order to read and the other way round, so either wakes both.
  set_readable();
  set_writable();
}

Task<Result<void>> TlsStream::handshake(SSL_CTX* context, std::string host, TimePoint deadline) {
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), fd());
  if (SocketAddress::from_literal(host, 0)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
  } else {
    // What the macro SSL_set_tlsext_host_name does, without its C casts.
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
    SSL_set1_host(ssl_.get(), host.c_str());
  }
  while (true) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) co_return Result<void>{};
    const IoResult blocked = blocked_or_failed(result);
    if (blocked.status != IoResult::Status::would_block) {
      const long verdict = SSL_get_verify_result(ssl_.get());
      const std::string why =
          verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : last_reason();
      co_return fail(ErrorCode::connect_failed, "TLS: " + why);
    }
    const Wake wake = co_await readable(deadline);
    if (wake == Wake::timed_out) {
      co_return fail(ErrorCode::connect_timeout, "the TLS handshake took too long");
    }
  }
}

IoResult TlsStream::blocked_or_failed(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      readable_ = false;
      writable_ = false;
      return IoResult::would_block();
    case SSL_ERROR_ZERO_RETURN: return IoResult::end();
    default: return IoResult::failed();
  }
}

IoResult TlsStream::try_read(std::span<char> into) {
  ERR_clear_error();
  size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  // More records may wait in the socket: only would_block proves that it is empty.
  if (result == 1) return IoResult::done(bytes);
  return blocked_or_failed(result);
}

bool TlsStream::quiet() {
  if (hung_up_) return false;
  // Takes in session tickets, which the server sends when it likes, and leaves data alone.
  char byte = 0;
  size_t bytes = 0;
  ERR_clear_error();
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &bytes);
  return result != 1 && blocked_or_failed(result).status == IoResult::Status::would_block;
}

IoResult TlsStream::try_write(std::span<const iovec> pieces) {
  // One record for many small pieces. After would_block the caller offers the same bytes again,
  // as OpenSSL demands.
  std::array<char, record_bytes> gathered;
  size_t bytes = 0;
  for (const iovec& piece : pieces) {
    const size_t taken = std::min(piece.iov_len, gathered.size() - bytes);
    std::memcpy(gathered.data() + bytes, piece.iov_base, taken);
    bytes += taken;
    if (bytes == gathered.size()) break;
  }
  ERR_clear_error();
  size_t written = 0;
  const int result = SSL_write_ex(ssl_.get(), gathered.data(), bytes, &written);
  if (result == 1) return IoResult::done(written);
  const IoResult blocked = blocked_or_failed(result);
  return blocked.status == IoResult::Status::would_block ? blocked : IoResult::failed();
}

void TlsStream::end_writing() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  SocketStream::end_writing();
}

}  // namespace rocket
