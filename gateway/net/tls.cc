#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

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

// A client that names protocols but not ours speaks something else.
int choose_http_1_1(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                    const unsigned char* offered, unsigned int offered_bytes, void*) {
  static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* match = nullptr;
  const int found =
      SSL_select_next_proto(&match, chosen_bytes, ours.data(), ours.size(), offered, offered_bytes);
  *chosen = match;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// OpenSSL would ask for it on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

TlsClient::Trust::Version TlsClient::Trust::version_of(const std::string& ca_file) {
  struct stat status{};
  if (ca_file.empty() || ::stat(ca_file.c_str(), &status) != 0) return {};
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

Result<SSL_CTX*> TlsClient::context(const std::string& ca_file) {
  Trust& trust = trusted_[ca_file];
  const Trust::Version version = Trust::version_of(ca_file);
  if (trust.context && trust.version == version) return trust.context.get();
  std::unique_ptr<SSL_CTX, SslContextDeleter> fresh(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(fresh.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(fresh.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(fresh.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  const int trusted = ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(fresh.get())
                          : SSL_CTX_load_verify_locations(fresh.get(), ca_file.c_str(), nullptr);
  if (trusted != 1) {
    const std::string reason = last_reason();
    if (!trust.context) return fail(ErrorCode::connect_failed, "ca_file: " + reason);
    return trust.context.get();
  }
  trust = {std::move(fresh), version};
  return trust.context.get();
}

Result<std::shared_ptr<SSL_CTX>> make_tls_server(const std::string& cert_file,
                                                 const std::string& key_file) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SslContextDeleter());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  // Tickets resume a session without our keeping anything of it.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_http_1_1, nullptr);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context.get(), cert_file.c_str()) != 1) {
    return fail(ErrorCode::invalid_field, "tls.cert_file: " + last_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(ErrorCode::invalid_field, "tls.key_file: " + last_reason());
  }
  return context;
}

TlsStream::TlsStream(EpollLoop& loop, FileDescriptor fd) : SocketStream(loop, std::move(fd)) {}

TlsStream::TlsStream(EpollLoop& loop, FileDescriptor fd, SSL_CTX* context)
    : SocketStream(loop, std::move(fd)), ssl_(SSL_new(context)) {
  SSL_set_fd(ssl_.get(), this->fd());
  SSL_set_accept_state(ssl_.get());
}

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
    const IoResult blocked = blocked_or_failed(result, readable_);
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

Task<bool> TlsStream::opened(TimePoint deadline) {
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) co_return true;
    const IoResult blocked = blocked_or_failed(result, readable_);
    ERR_clear_error();
    if (blocked.status != IoResult::Status::would_block) {
      discard_input();
      co_return false;
    }
    const Wake wake = co_await readable(deadline);
    if (wake == Wake::timed_out) co_return false;
  }
}

// Closing with bytes unread, of plain HTTP for one, would reset the connection and take the alert
// that says why with it.
void TlsStream::discard_input() {
  SocketStream::end_writing();
  std::array<char, 4096> unwanted;
  for (int reads = 0; reads < 16; ++reads) {  // who sends for ever is reset after all
    if (SocketStream::try_read(unwanted).status != IoResult::Status::done) return;
  }
}

// Either way the next event is to be waited for, which wakes both. Nothing is said of the other
// direction: what has arrived can be read though nothing more can be written.
IoResult TlsStream::blocked_or_failed(int result, bool& ready) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: ready = false; return IoResult::would_block();
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
  return blocked_or_failed(result, readable_);
}

bool TlsStream::quiet() {
  if (hung_up_) return false;
  // Takes in session tickets, which the server sends when it likes, and leaves data alone.
  char byte = 0;
  size_t bytes = 0;
  ERR_clear_error();
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &bytes);
  return result != 1 &&
         blocked_or_failed(result, readable_).status == IoResult::Status::would_block;
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
  const IoResult blocked = blocked_or_failed(result, writable_);
  return blocked.status == IoResult::Status::would_block ? blocked : IoResult::failed();
}

void TlsStream::end_writing() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  SocketStream::end_writing();
}

}  // namespace rocket
