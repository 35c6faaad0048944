#include "store/sql_store.h"

#include <utility>

#include "store/sql_batches.h"
#include "store/sql_files.h"
#include "store/sql_journal.h"
#include "store/sql_schema.h"

namespace rocket {

Result<std::unique_ptr<Store>> SqlStore::open(std::unique_ptr<SqlConnection> connection) {
  const auto migrated = migrate(*connection);
  if (!migrated) return std::unexpected(migrated.error());
  return std::make_unique<SqlStore>(std::move(connection));
}

Result<void> SqlStore::add_file(const StoredFile& file) {
  return write([&] { return rocket::add_file(*connection_, file); });
}

Result<std::optional<StoredFile>> SqlStore::find_file(std::string_view owner, std::string_view id) {
  return read([&] { return rocket::find_file(*connection_, owner, id); });
}

Result<Store::Listed<StoredFile>> SqlStore::list_files(std::string_view owner, const Page& page) {
  return read([&] { return rocket::list_files(*connection_, owner, page); });
}

Result<bool> SqlStore::expire_file(std::string_view owner, std::string_view id, std::int64_t now) {
  return write([&] { return rocket::expire_file(*connection_, owner, id, now); });
}

Result<bool> SqlStore::is_read(std::string_view id) {
  return read([&] { return rocket::is_read(*connection_, id); });
}

Result<bool> SqlStore::remove_file(std::string_view owner, std::string_view id) {
  return write([&] { return rocket::remove_file(*connection_, owner, id); });
}

Result<std::vector<StoredFile>> SqlStore::expired_files(std::int64_t now, std::uint32_t limit) {
  return read([&] { return rocket::expired_files(*connection_, now, limit); });
}

Result<void> SqlStore::add_batch(const StoredBatch& batch) {
  return write([&] { return rocket::add_batch(*connection_, batch); });
}

Result<std::optional<StoredBatch>> SqlStore::find_batch(std::string_view owner,
                                                        std::string_view id) {
  return read([&] { return rocket::find_batch(*connection_, owner, id); });
}

Result<Store::Listed<StoredBatch>> SqlStore::list_batches(std::string_view owner,
                                                          const Page& page) {
  return read([&] { return rocket::list_batches(*connection_, owner, page); });
}

Result<bool> SqlStore::update_batch(const StoredBatch& batch, BatchStatus from) {
  return write([&]() -> Result<bool> {
    auto updated = rocket::update_batch(*connection_, batch, from);
    if (!updated || !*updated || !has_ended(batch.status)) return updated;
    const auto dropped = drop_lines(*connection_, batch.id);
    if (!dropped) return std::unexpected(dropped.error());
    return true;
  });
}

Result<std::uint64_t> SqlStore::unfinished_batches(std::string_view owner) {
  return read([&] { return rocket::unfinished_batches(*connection_, owner); });
}

Result<std::uint32_t> SqlStore::remove_ended_batches(std::int64_t before, std::uint32_t limit) {
  return write([&] { return rocket::remove_ended_batches(*connection_, before, limit); });
}

Result<std::vector<StoredBatch>> SqlStore::batches_at_work(std::string_view engine) {
  return read([&] { return rocket::batches_at_work(*connection_, engine); });
}

Result<std::vector<StoredBatch>> SqlStore::take_leases(std::string_view holder, std::int64_t now,
                                                       std::int64_t until, std::uint32_t limit) {
  return write([&] { return rocket::take_leases(*connection_, holder, now, until, limit); });
}

Result<bool> SqlStore::extend_lease(std::string_view id, std::string_view holder,
                                    std::int64_t until) {
  return write([&] { return rocket::extend_lease(*connection_, id, holder, until); });
}

Result<void> SqlStore::give_lease(std::string_view id, std::string_view holder) {
  return write([&] { return rocket::give_lease(*connection_, id, holder); });
}

Result<bool> SqlStore::take_job(std::string_view id, const JobDriver& driver, std::int64_t now,
                                std::int64_t until) {
  return write([&] { return rocket::take_job(*connection_, id, driver, now, until); });
}

Result<void> SqlStore::begin_lines(std::string_view id, std::span<const std::uint32_t> lines,
                                   std::string_view holder) {
  return write([&] { return rocket::begin_lines(*connection_, id, lines, holder); });
}

Result<void> SqlStore::unbegin_lines(std::string_view id, std::span<const std::uint32_t> lines) {
  return write([&] { return rocket::unbegin_lines(*connection_, id, lines); });
}

Result<std::uint32_t> SqlStore::finish_lines(std::string_view id,
                                             std::span<const LineResult> results) {
  return write([&] { return rocket::finish_lines(*connection_, id, results); });
}

Result<std::uint32_t> SqlStore::offer_lines(std::string_view id,
                                            std::span<const LineResult> results) {
  return write([&] { return rocket::offer_lines(*connection_, id, results); });
}

Result<std::vector<bool>> SqlStore::finished_lines(std::string_view id) {
  return read([&] { return rocket::finished_lines(*connection_, id); });
}

Result<std::vector<BegunLine>> SqlStore::begun_lines(std::string_view id) {
  return read([&] { return rocket::begun_lines(*connection_, id); });
}

Result<std::vector<LineResult>> SqlStore::results(std::string_view id, bool errors,
                                                  std::int64_t after, std::uint32_t limit) {
  return read([&] { return rocket::line_results(*connection_, id, errors, after, limit); });
}

Result<std::uint64_t> SqlStore::file_bytes(std::uint64_t least) {
  return read([&] { return rocket::file_bytes(*connection_, least); });
}

Result<std::vector<std::string>> SqlStore::known_files(std::span<const std::string> ids) {
  return read([&] { return rocket::known_files(*connection_, ids); });
}

}  // namespace rocket
