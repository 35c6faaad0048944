#pragma once

#include <string>
#include <string_view>

#include "store/records.h"
#include "store/store.h"

namespace rocket {

// A batch as OpenAI's API shows it.
//
// One whose engine is not this gateway alone says so: {"_engine": {"name", "state", "reason"}},
// with the state `running` or, where there is a reason why nobody asks its lines now, `paused`.
[[nodiscard]] std::string write_batch(const StoredBatch& batch, std::string_view paused = {});
[[nodiscard]] std::string write_batches(const Store::Listed<StoredBatch>& listed,
                                        std::string_view paused = {});

// "in_progress"
[[nodiscard]] std::string_view to_string(BatchStatus status);

}  // namespace rocket
