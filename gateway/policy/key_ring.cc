#include "policy/key_ring.h"

#include <openssl/crypto.h>

#include <cstring>

namespace rocket {

size_t KeyRing::FirstBytes::operator()(const Sha256& hash) const {
  size_t bytes = 0;
  std::memcpy(&bytes, hash.data(), sizeof bytes);
  return bytes;
}

bool KeyRing::Equal::operator()(const Sha256& one, const Sha256& other) const {
  return CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

const Key* KeyRing::find(const Sha256& hash) const {
  const auto found = keys_.find(hash);
  return found == keys_.end() ? nullptr : &found->second;
}

const Key* KeyRing::named(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : found->second;
}

}  // namespace rocket
