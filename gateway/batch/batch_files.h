#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/records.h"

namespace rocket {

// The file of a batch, open: it stays readable as long as this lives, whoever deletes it.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Fills `into` from `offset` on; how much there was: less than asked for only at the end.
  [[nodiscard]] virtual Result<std::size_t> read(std::uint64_t offset,
                                                 std::span<char> into) const = 0;
};

// A file that a batch makes. Destroyed unfinished, it leaves nothing.
class BatchOutput {
 public:
  virtual ~BatchOutput() = default;
  [[nodiscard]] virtual Result<void> append(std::string_view bytes) = 0;
  // It is there from now on, whatever happens. Its bytes.
  [[nodiscard]] virtual Result<std::uint64_t> finish() = 0;
};

// Where the files of batches are: in the vault of a gateway, or where a command line says. All of
// it blocks, and is called on one thread. Errors: store_unavailable, store_full.
class BatchFiles {
 public:
  enum class Results : unsigned char { answers, errors };

  virtual ~BatchFiles() = default;
  // The batch's input. file_not_found: somebody has deleted it.
  [[nodiscard]] virtual Result<std::unique_ptr<BatchSource>> open_input(
      const StoredBatch& batch) = 0;
  // `file_id`: what its bytes will be found by. One that is there already is replaced.
  [[nodiscard]] virtual Result<std::unique_ptr<BatchOutput>> create(const std::string& file_id,
                                                                    Results results) = 0;
};

}  // namespace rocket
