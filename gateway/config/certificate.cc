#include "config/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace rocket {

namespace {

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
template <class T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Release<T, release>>;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::unique_ptr<BIO, FreeBio> reader_of(std::string_view text) {
  return std::unique_ptr<BIO, FreeBio>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// OpenSSL would ask for it on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

PairFault check_pair(std::string_view certificate, std::string_view key) {
  const Owned<X509, X509_free> first(
      PEM_read_bio_X509(reader_of(certificate).get(), nullptr, no_passphrase, nullptr));
  const Owned<EVP_PKEY, EVP_PKEY_free> secret(
      PEM_read_bio_PrivateKey(reader_of(key).get(), nullptr, no_passphrase, nullptr));
  const bool pair = first && secret && X509_check_private_key(first.get(), secret.get()) == 1;
  ERR_clear_error();
  return !first    ? PairFault::certificate
         : !secret ? PairFault::key
         : !pair   ? PairFault::mismatch
                   : PairFault::none;
}

}  // namespace rocket
