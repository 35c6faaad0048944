#include "base/sha256.h"

#include <openssl/evp.h>

#include "base/assert.h"

namespace rocket {

Sha256 sha256(std::string_view bytes) {
  // Fetched once: a fetch per call would take a lock of OpenSSL's.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Sha256 digest{};
  unsigned int size = 0;
  const int made = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm, nullptr);
  ROCKET_ASSERT(made == 1 && size == digest.size());
  return digest;
}

}  // namespace rocket
