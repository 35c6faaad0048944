#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "batch/batch_file.h"
#include "batch/batch_files.h"

namespace rocket {

// The file of a batch that has been found good. Reading it blocks.
struct BatchInput {
  std::unique_ptr<BatchSource> source;
  std::vector<IndexedLine> lines;

  // The texts of these lines.
  [[nodiscard]] Result<std::vector<std::string>> read(std::span<const std::uint32_t> which) const;
};

// Reads and checks a file piece by piece, so that whoever does it can do something else between.
class InputReading {
 public:
  InputReading(std::unique_ptr<BatchSource> source, std::string endpoint, BatchFileLimits limits)
      : source_(std::move(source)), check_(std::move(endpoint), limits) {}

  // A piece. Whether there is more to read. Blocks for some milliseconds. Errors: those of
  // BatchSource::read.
  [[nodiscard]] Result<bool> step();
  // When there is not: why it is no batch, or what it holds. Once.
  [[nodiscard]] const std::vector<BatchProblem>& problems() const { return check_.problems(); }
  [[nodiscard]] BatchInput take() { return {std::move(source_), check_.take_lines()}; }

 private:
  std::unique_ptr<BatchSource> source_;
  BatchFileCheck check_;
  std::uint64_t offset_ = 0;
  std::string buffer_;
};

}  // namespace rocket
