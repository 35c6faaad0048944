#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "batch/storage.h"

namespace rocket {

// Removes files and ended batches whose time has come, and what is left in the folder that no
// store knows of. One per process, on its first loop.
class FileSweeper {
 public:
  // How long an ended batch is kept, as it is set now; zero: for ever.
  using BatchExpiry = std::function<Duration()>;

  FileSweeper(Timers& timers, StorageAccess& access, BatchExpiry batch_expiry)
      : timers_(timers), access_(access), batch_expiry_(std::move(batch_expiry)) {}

  // For ever.
  [[nodiscard]] Task<void> run();

 private:
  [[nodiscard]] Task<void> remove_expired();
  [[nodiscard]] Task<void> remove_ended_batches();
  [[nodiscard]] Task<void> remove_orphans();

  Timers& timers_;
  StorageAccess& access_;
  const BatchExpiry batch_expiry_;
};

}  // namespace rocket
