#pragma once

#include <string>

#include "batch/batch_files.h"

namespace rocket {

// The files of one batch where a command line says: read from `input`; answers go to `output`,
// errors to `errors`, each written beside its place and moved there when it is whole.
class PathFiles final : public BatchFiles {
 public:
  PathFiles(std::string input, std::string output, std::string errors)
      : input_(std::move(input)), output_(std::move(output)), errors_(std::move(errors)) {}

  [[nodiscard]] Result<std::unique_ptr<BatchSource>> open_input(const StoredBatch& batch) override;
  [[nodiscard]] Result<std::unique_ptr<BatchOutput>> create(const std::string& file_id,
                                                            Results results) override;

 private:
  std::string input_;
  std::string output_;
  std::string errors_;
};

}  // namespace rocket
