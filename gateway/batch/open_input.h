#pragma once

#include <expected>
#include <memory>
#include <string>

#include "batch/batch_input.h"
#include "batch/patient_store.h"

namespace rocket {

// Opens the file of a batch, checks it and makes its index, however long the disk takes. Or why it
// is no batch: problems as StoredBatch::errors has them. What has been found good once stays so,
// whatever the settings have become. All outlive it.
[[nodiscard]] Task<std::expected<std::shared_ptr<const BatchInput>, std::string>> open_input(
    const BatchSurroundings& around, PatientStore& patience, const StoredBatch& batch);

}  // namespace rocket
