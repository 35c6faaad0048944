#pragma once

#include <string>

#include "config/key_config.h"

namespace rocket {

// `rocket key new`: makes a key, adds its entry to the keys file in one step (a reader sees the
// file before or after), and prints it, for the only time there is. `key` says what it may do;
// its hash is filled in. Returns the process's exit status: 0, 1 for a file or a key that is not
// as it should be, 3 for a file that can not be read or written.
[[nodiscard]] int new_key(KeyConfig key, const std::string& path);

}  // namespace rocket
