#pragma once

#include "batch/storage.h"
#include "proxy/operations.h"

namespace rocket {

// OpenAI's Files: POST and GET /v1/files; GET, DELETE and GET .../content of one. `access` outlives
// the operations.
void add_file_operations(Operations& operations, StorageAccess& access);

}  // namespace rocket
