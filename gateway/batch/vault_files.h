#pragma once

#include "batch/batch_files.h"
#include "store/file_vault.h"

namespace rocket {

// The files of batches among those that clients upload and get (/v1/files).
class VaultFiles final : public BatchFiles {
 public:
  // The vault outlives it, and what it opens.
  explicit VaultFiles(FileVault& vault) : vault_(vault) {}

  [[nodiscard]] Result<std::unique_ptr<BatchSource>> open_input(const StoredBatch& batch) override;
  [[nodiscard]] Result<std::unique_ptr<BatchOutput>> create(const std::string& file_id,
                                                            Results results) override;

 private:
  FileVault& vault_;
};

}  // namespace rocket
