#pragma once

#include <string>
#include <utility>

#include "base/byte_budget.h"
#include "batch/store_caller.h"
#include "batch/work_caller.h"
#include "store/file_vault.h"
#include "store/open_store.h"
#include "store/store_thread.h"

namespace rocket {

// Where files and batches are kept: what the store knows of them, and what is in the files. One
// per process; all loops share it, and are still there when it is joined.
struct Storage {
  Storage(StorePlace where, std::string files_folder)
      : place(std::move(where)),
        store([this](StoreThread::Need need) { return open_store(place, need); }),
        vault(std::move(files_folder), place.tell) {}

  // Somebody has needed it before, in this process or another.
  [[nodiscard]] bool begun() const { return is_there(place); }

  // Does what waits, and ends the threads. False: it was not done by `deadline`, and whoever waits
  // for them any longer may wait for ever.
  [[nodiscard]] bool join_until(TimePoint deadline) {
    const bool known = store.join_until(deadline);
    return vault.join_until(deadline) && known;
  }

  const StorePlace place;
  StoreThread store;
  FileVault vault;
  // The bytes of files that are arriving, out of what is left of store.bytes.
  ByteBudget arriving{0};
};

// One loop's way there.
struct StorageAccess {
  StorageAccess(Storage& storage, EpollLoop& loop) : StorageAccess(storage, WorkCaller(loop)) {}
  StorageAccess(Storage& storage, const WorkCaller& caller)
      : store(storage.store, caller), work(caller), shared(storage) {}

  StoreCaller store;
  WorkCaller work;
  Storage& shared;
};

}  // namespace rocket
