#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "proxy/call.h"

namespace rocket {

// Tells a client what is the matter with files and batches, and when to come back if that helps.
void send_storage_error(Call& call, const Error& error);

// What is said of a file that is not there, or another's.
[[nodiscard]] std::string no_file(std::string_view id);

}  // namespace rocket
