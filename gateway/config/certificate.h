#pragma once

#include <string_view>

namespace rocket {

enum class PairFault : unsigned char {
  none,
  certificate,  // holds no PEM certificate
  key,          // holds no PEM private key, or one that a passphrase locks
  mismatch,     // the key is another certificate's
};

// Whether a certificate and a private key, both in PEM, are a pair that a server can use.
[[nodiscard]] PairFault check_pair(std::string_view certificate, std::string_view key);

}  // namespace rocket
