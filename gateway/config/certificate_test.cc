#include "config/certificate.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace rocket {
namespace {

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

struct Pair {
  std::string certificate;
  std::string key;
  std::string locked_key;  // with a passphrase
};

Pair make_pair() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_pubkey(certificate.get(), key.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  EXPECT_NE(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  BIO* out = BIO_new(BIO_s_mem());
  EXPECT_EQ(PEM_write_bio_X509(out, certificate.get()), 1);
  Pair pair{text_of(out), "", ""};
  out = BIO_new(BIO_s_mem());
  EXPECT_EQ(PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  pair.key = text_of(out);
  out = BIO_new(BIO_s_mem());
  const std::string phrase = "secret";
  EXPECT_EQ(PEM_write_bio_PrivateKey(out, key.get(), EVP_aes_128_cbc(),
                                     reinterpret_cast<const unsigned char*>(phrase.data()),
                                     static_cast<int>(phrase.size()), nullptr, nullptr),
            1);
  pair.locked_key = text_of(out);
  return pair;
}

TEST(Certificate, IsAPairWithItsKey) {
  const Pair pair = make_pair();
  const Pair other = make_pair();
  const struct {
    const char* name;
    std::string certificate;
    std::string key;
    PairFault fault;
  } cases[] = {
      {"a pair", pair.certificate, pair.key, PairFault::none},
      {"with the issuer's behind it", pair.certificate + other.certificate, pair.key,
       PairFault::none},
      {"both in one file", pair.key + pair.certificate, pair.key + pair.certificate,
       PairFault::none},
      {"the issuer's first", other.certificate + pair.certificate, pair.key, PairFault::mismatch},
      {"another's key", pair.certificate, other.key, PairFault::mismatch},
      {"a locked key", pair.certificate, pair.locked_key, PairFault::key},
      {"swapped", pair.key, pair.certificate, PairFault::certificate},
      {"no key", pair.certificate, pair.certificate, PairFault::key},
      {"nothing", "", "", PairFault::certificate},
      {"cut", pair.certificate.substr(0, 100), pair.key, PairFault::certificate},
      {"no PEM", "hello", "hello", PairFault::certificate},
  };
  for (const auto& c : cases)
    EXPECT_EQ(check_pair(c.certificate, c.key), c.fault) << c.name;
}

}  // namespace
}  // namespace rocket
