#pragma once

#include <string>
#include <string_view>

#include "store/records.h"
#include "store/store.h"

namespace rocket {

// A batch as OpenAI's API shows it.
[[nodiscard]] std::string write_batch(const StoredBatch& batch);
[[nodiscard]] std::string write_batches(const Store::Listed<StoredBatch>& listed);

// "in_progress"
[[nodiscard]] std::string_view to_string(BatchStatus status);

}  // namespace rocket
