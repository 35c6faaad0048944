#pragma once

#include <string>

#include "batch/batch_lines.h"

namespace rocket {

// Writes the output or the error file of a batch whose lines are done: their results in the order
// of its lines, as a file of the batch's owner. Its id. Written again it is the same file with the
// same id. `batch` and `around` outlive it.
[[nodiscard]] Task<Result<std::string>> write_results(const BatchSurroundings& around,
                                                      const StoredBatch& batch,
                                                      BatchFiles::Results results);

}  // namespace rocket
