#include "store/sql_files.h"

#include <algorithm>

#include "store/sql_page.h"

namespace rocket {
namespace {

const std::string table = "rocket_files";
const std::string columns = "id, owner, filename, purpose, bytes, created_at, expires_at";
// The same words as in the index of batches that are at work.
const std::string is_read_by_one =
    "EXISTS (SELECT 1 FROM rocket_batches WHERE input_file_id = rocket_files.id AND status IN "
    "('validating', 'in_progress', 'finalizing', 'cancelling'))";
// Before any time that a clock tells.
constexpr std::int64_t long_ago = 1;

StoredFile read_file(const SqlRow& row) {
  return {.id = std::string(row.text(0)),
          .owner = std::string(row.text(1)),
          .filename = std::string(row.text(2)),
          .purpose = std::string(row.text(3)),
          .bytes = row.count(4),
          .created_at = row.number(5),
          .expires_at = row.number(6)};
}

Result<std::vector<StoredFile>> read_files(SqlConnection& connection, const std::string& condition,
                                           std::span<const SqlValue> values) {
  std::vector<StoredFile> files;
  const auto read =
      connection.run("SELECT " + columns + " FROM " + table + " WHERE " + condition, values,
                     [&](const SqlRow& row) { files.push_back(read_file(row)); });
  if (!read) return std::unexpected(read.error());
  return files;
}

}  // namespace

Result<void> add_file(SqlConnection& connection, const StoredFile& file) {
  const auto added = connection.run(
      "INSERT INTO " + table + " (" + columns + ") VALUES ($1, $2, $3, $4, $5, $6, $7)",
      {file.id, file.owner, file.filename, file.purpose, static_cast<std::int64_t>(file.bytes),
       file.created_at, file.expires_at});
  if (!added) return std::unexpected(added.error());
  return {};
}

Result<std::optional<StoredFile>> find_file(SqlConnection& connection, std::string_view owner,
                                            std::string_view id) {
  const SqlValue values[] = {owner, id};
  auto files = read_files(connection, "owner = $1 AND id = $2", values);
  if (!files) return std::unexpected(std::move(files.error()));
  if (files->empty()) return std::nullopt;
  return std::move(files->front());
}

Result<Store::Listed<StoredFile>> list_files(SqlConnection& connection, std::string_view owner,
                                             const Store::Page& page) {
  const auto begin = page_begin(connection, table, owner, page);
  if (!begin) return std::unexpected(begin.error());
  std::string condition = "owner = $1 AND (expires_at = 0 OR expires_at > $2)";
  std::vector<SqlValue> values{owner, page.now};
  if (!page.purpose.empty()) {
    condition += " AND purpose = $3";
    values.emplace_back(std::string_view(page.purpose));
  }
  condition += page_condition(page, static_cast<int>(values.size()) + 1);
  values.emplace_back(*begin);
  values.emplace_back(page_limit(page));
  auto files = read_files(connection, condition, values);
  if (!files) return std::unexpected(std::move(files.error()));
  return cut_to_page(*std::move(files), page);
}

Result<bool> expire_file(SqlConnection& connection, std::string_view owner, std::string_view id,
                         std::int64_t now) {
  const auto expired = connection.run(
      "UPDATE " + table +
          " SET expires_at = $4 WHERE owner = $1 AND id = $2 AND (expires_at = 0 OR expires_at > "
          "$3) RETURNING id",
      {owner, id, now, long_ago});
  if (!expired) return std::unexpected(expired.error());
  return *expired != 0;
}

Result<bool> is_read(SqlConnection& connection, std::string_view id) {
  const auto found =
      connection.run("SELECT id FROM " + table + " WHERE id = $1 AND " + is_read_by_one, {id});
  if (!found) return std::unexpected(found.error());
  return *found != 0;
}

Result<bool> remove_file(SqlConnection& connection, std::string_view owner, std::string_view id) {
  const auto removed =
      connection.run("DELETE FROM " + table + " WHERE owner = $1 AND id = $2 AND NOT " +
                         is_read_by_one + " RETURNING id",
                     {owner, id});
  if (!removed) return std::unexpected(removed.error());
  return *removed != 0;
}

Result<std::vector<StoredFile>> expired_files(SqlConnection& connection, std::int64_t now,
                                              std::uint32_t limit) {
  const SqlValue values[] = {now, std::int64_t{limit}};
  return read_files(connection,
                    "expires_at <> 0 AND expires_at <= $1 AND NOT " + is_read_by_one +
                        " ORDER BY expires_at, seq LIMIT $2",
                    values);
}

Result<std::uint64_t> file_bytes(SqlConnection& connection, std::uint64_t least) {
  std::uint64_t bytes = 0;
  const auto read = connection.run(
      "SELECT CAST(COALESCE(SUM(CASE WHEN bytes < $1 THEN $1 ELSE bytes END), 0) AS BIGINT) FROM " +
          table,
      {static_cast<std::int64_t>(least)}, [&](const SqlRow& row) { bytes = row.count(0); });
  if (!read) return std::unexpected(read.error());
  return bytes;
}

Result<std::vector<std::string>> known_files(SqlConnection& connection,
                                             std::span<const std::string> ids) {
  constexpr size_t ids_at_once = 100;
  std::vector<std::string> known;
  while (!ids.empty()) {
    const auto some = ids.first(std::min(ids.size(), ids_at_once));
    std::string statement = "SELECT id FROM " + table + " WHERE id IN (";
    std::vector<SqlValue> values;
    for (const std::string& id : some) {
      values.emplace_back(std::string_view(id));
      statement += (values.size() == 1 ? "$" : ", $") + std::to_string(values.size());
    }
    const auto read = connection.run(statement + ")", values,
                                     [&](const SqlRow& row) { known.emplace_back(row.text(0)); });
    if (!read) return std::unexpected(read.error());
    ids = ids.subspan(some.size());
  }
  return known;
}

}  // namespace rocket
