#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/store.h"
#include "store/store_thread.h"

namespace rocket {

// Where the store is.
struct StorePlace {
  bool on = true;              // else nothing is there, and opening it is store_off
  std::string folder{};        // of SQLite's database, unless there is
  std::string postgres_url{};  // with its password: never shown
  // Told what goes wrong in full, for the operator; on the store's thread.
  std::function<void(std::string_view what)> tell = [](std::string_view) {};
};

// Somebody has made it. Of one in Postgres, which cannot be seen from here, that is assumed.
[[nodiscard]] bool is_there(const StorePlace& place);

// Opens the store with its tables up to date; what StoreThread wants.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(const StorePlace& place,
                                                        StoreThread::Need need);

}  // namespace rocket
