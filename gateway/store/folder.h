#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rocket {

// Makes a folder for its owner alone, and those above it, unless it is there. The operator is told
// what goes wrong in full. Errors: store_unavailable, store_full.
[[nodiscard]] Result<void> make_folder(const std::string& folder,
                                       const std::function<void(std::string_view)>& tell);

// What a failed system call on something that is kept means, by its errno.
[[nodiscard]] Error disk_error(int system_error);

}  // namespace rocket
