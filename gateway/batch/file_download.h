#pragma once

#include "batch/storage.h"
#include "proxy/call.h"

namespace rocket {

// Answers with what is in the file, out of its folder as the client takes it.
[[nodiscard]] Task<void> send_content(Call& call, StorageAccess& access, StoredFile file);

}  // namespace rocket
