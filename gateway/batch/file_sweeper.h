#pragma once

#include <cstdint>

#include "batch/storage.h"

namespace rocket {

// Removes files whose time has come, and what is left in the folder that no store knows of. One
// per process, on its first loop.
class FileSweeper {
 public:
  FileSweeper(Timers& timers, StorageAccess& access) : timers_(timers), access_(access) {}

  // For ever.
  [[nodiscard]] Task<void> run();

 private:
  [[nodiscard]] Task<void> remove_expired();
  [[nodiscard]] Task<void> remove_orphans();

  Timers& timers_;
  StorageAccess& access_;
};

}  // namespace rocket
