#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/key_config.h"
#include "config/problem.h"

namespace rocket {

// The largest keys file that is read: some 30,000 keys.
inline constexpr size_t keys_file_bytes_max = size_t{4} * 1024 * 1024;

// "sha256:HEX", as `hash` is written.
[[nodiscard]] std::optional<Sha256> parse_key_hash(std::string_view text);
[[nodiscard]] std::string key_hash_text(const Sha256& hash);

// The entries of a keys file. The problems' paths begin with "keys_file"; no message shows what
// may be a key. Whether the backends exist is check()'s business.
[[nodiscard]] std::vector<KeyConfig> read_keys(std::string_view text, Problems& problems);

// The text of a keys file without problems with an entry more. What stands in it stays as it is,
// comments too, if it is a list with an entry a line; else it is written anew.
[[nodiscard]] std::string with_key(std::string_view text, const KeyConfig& key);

}  // namespace rocket
