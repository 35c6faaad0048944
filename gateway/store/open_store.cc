#include "store/open_store.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "store/folder.h"
#include "store/postgres_connection.h"
#include "store/sql_store.h"
#include "store/sqlite_connection.h"

namespace rocket {
namespace {

std::string database_file(const StorePlace& place) {
  return place.folder + "/rocket.db";
}

Result<std::unique_ptr<Store>> open_sqlite(const StorePlace& place, StoreThread::Need need) {
  if (need == StoreThread::Need::look) {
    if (!is_there(place)) return nullptr;
  } else {
    const auto made = make_folder(place.folder, place.tell);
    if (!made) return std::unexpected(made.error());
  }
  auto connection = SqliteConnection::open({.file = database_file(place), .tell = place.tell});
  if (!connection) return std::unexpected(std::move(connection.error()));
  return SqlStore::open(*std::move(connection));
}

}  // namespace

bool is_there(const StorePlace& place) {
  if (!place.on) return false;
  if (!place.postgres_url.empty()) return true;
  std::error_code ignored;
  return std::filesystem::exists(database_file(place), ignored);
}

Result<std::unique_ptr<Store>> open_store(const StorePlace& place, StoreThread::Need need) {
  if (!place.on) return fail(ErrorCode::store_off);
  if (place.postgres_url.empty()) return open_sqlite(place, need);
  auto connection = PostgresConnection::open({.url = place.postgres_url, .tell = place.tell});
  if (!connection) return std::unexpected(std::move(connection.error()));
  return SqlStore::open(*std::move(connection));
}

}  // namespace rocket
