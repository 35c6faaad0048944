#include "store/sql_batches.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "store/sql_page.h"

namespace rocket {
namespace {

const std::string table = "rocket_batches";

// Everything that whoever works on a batch decides: written and read in this order.
constexpr std::array<std::string_view, 20> told_columns{"endpoint",
                                                        "input_file_id",
                                                        "completion_window",
                                                        "metadata",
                                                        "errors",
                                                        "engine",
                                                        "output_file_id",
                                                        "error_file_id",
                                                        "status",
                                                        "created_at",
                                                        "in_progress_at",
                                                        "expires_at",
                                                        "finalizing_at",
                                                        "completed_at",
                                                        "failed_at",
                                                        "expired_at",
                                                        "cancelling_at",
                                                        "cancelled_at",
                                                        "output_expires_after",
                                                        "total"};
constexpr std::string_view kept_columns =
    "completed, failed, input_tokens, cached_tokens, output_tokens, reasoning_tokens, job_cluster, "
    "job_until";

// In the words of the API, which are those of the table too.
constexpr std::array<std::pair<BatchStatus, std::string_view>, 8> status_names{{
    {BatchStatus::validating, "validating"},
    {BatchStatus::failed, "failed"},
    {BatchStatus::in_progress, "in_progress"},
    {BatchStatus::finalizing, "finalizing"},
    {BatchStatus::completed, "completed"},
    {BatchStatus::expired, "expired"},
    {BatchStatus::cancelling, "cancelling"},
    {BatchStatus::cancelled, "cancelled"},
}};

std::string_view name_of(BatchStatus status) {
  return std::ranges::find(status_names, status, &decltype(status_names)::value_type::first)
      ->second;
}

// Nobody but this file writes them.
BatchStatus status_of(std::string_view name) {
  const auto* const found =
      std::ranges::find(status_names, name, &decltype(status_names)::value_type::second);
  return found == status_names.end() ? BatchStatus::failed : found->first;
}

std::vector<SqlValue> told_values(const StoredBatch& batch) {
  return {batch.endpoint,
          batch.input_file_id,
          batch.completion_window,
          batch.metadata,
          batch.errors,
          batch.engine,
          batch.output_file_id,
          batch.error_file_id,
          name_of(batch.status),
          batch.created_at,
          batch.in_progress_at,
          batch.expires_at,
          batch.finalizing_at,
          batch.completed_at,
          batch.failed_at,
          batch.expired_at,
          batch.cancelling_at,
          batch.cancelled_at,
          batch.output_expires_after,
          static_cast<std::int64_t>(batch.total)};
}

// seq, id, owner, those that are told, those that are counted or kept otherwise.
std::string all_columns() {
  std::string columns = "seq, id, owner";
  for (const std::string_view column : told_columns)
    columns.append(", ").append(column);
  return columns.append(", ").append(kept_columns);
}

StoredBatch read_batch(const SqlRow& row) {
  StoredBatch batch;
  batch.id = row.text(1);
  batch.owner = row.text(2);
  size_t at = 3;
  for (std::string* const text :
       {&batch.endpoint, &batch.input_file_id, &batch.completion_window, &batch.metadata,
        &batch.errors, &batch.engine, &batch.output_file_id, &batch.error_file_id}) {
    *text = row.text(at++);
  }
  batch.status = status_of(row.text(at++));
  for (std::int64_t* const time :
       {&batch.created_at, &batch.in_progress_at, &batch.expires_at, &batch.finalizing_at,
        &batch.completed_at, &batch.failed_at, &batch.expired_at, &batch.cancelling_at,
        &batch.cancelled_at, &batch.output_expires_after}) {
    *time = row.number(at++);
  }
  for (std::uint64_t* const count :
       {&batch.total, &batch.completed, &batch.failed, &batch.tokens.input, &batch.tokens.cached,
        &batch.tokens.output, &batch.tokens.reasoning}) {
    *count = row.count(at++);
  }
  batch.job_cluster = row.text(at++);
  batch.job_until = row.number(at);
  return batch;
}

Result<std::vector<StoredBatch>> read_batches(SqlConnection& connection,
                                              const std::string& condition,
                                              std::span<const SqlValue> values) {
  std::vector<StoredBatch> batches;
  const auto read =
      connection.run("SELECT " + all_columns() + " FROM " + table + " WHERE " + condition, values,
                     [&](const SqlRow& row) { batches.push_back(read_batch(row)); });
  if (!read) return std::unexpected(read.error());
  return batches;
}

}  // namespace

Result<void> add_batch(SqlConnection& connection, const StoredBatch& batch) {
  std::string statement = "INSERT INTO " + table + " (id, owner";
  for (const std::string_view column : told_columns)
    statement.append(", ").append(column);
  statement += ") VALUES ($1, $2";
  std::vector<SqlValue> values{batch.id, batch.owner};
  for (const SqlValue& value : told_values(batch)) {
    values.push_back(value);
    statement.append(", $").append(std::to_string(values.size()));
  }
  const auto added =
      connection.run(statement + ")", std::span<const SqlValue>(values), [](const SqlRow&) {});
  if (!added) return std::unexpected(added.error());
  return {};
}

Result<std::optional<StoredBatch>> find_batch(SqlConnection& connection, std::string_view owner,
                                              std::string_view id) {
  const SqlValue values[] = {owner, id};
  auto batches = read_batches(connection, "owner = $1 AND id = $2", values);
  if (!batches) return std::unexpected(std::move(batches.error()));
  if (batches->empty()) return std::nullopt;
  return std::move(batches->front());
}

Result<Store::Listed<StoredBatch>> list_batches(SqlConnection& connection, std::string_view owner,
                                                const Store::Page& page) {
  const auto begin = page_begin(connection, table, owner, page);
  if (!begin) return std::unexpected(begin.error());
  const SqlValue values[] = {owner, *begin, page_limit(page)};
  auto batches = read_batches(connection, "owner = $1" + page_condition(page, 2), values);
  if (!batches) return std::unexpected(std::move(batches.error()));
  return cut_to_page(*std::move(batches), page);
}

Result<bool> update_batch(SqlConnection& connection, const StoredBatch& batch, BatchStatus from) {
  std::string statement = "UPDATE " + table + " SET ";
  std::vector<SqlValue> values{batch.id, name_of(from)};
  const std::vector<SqlValue> told = told_values(batch);
  for (size_t i = 0; i < told.size(); ++i) {
    values.push_back(told[i]);
    if (i != 0) statement += ", ";
    statement.append(told_columns[i]).append(" = $").append(std::to_string(values.size()));
  }
  const auto updated = connection.run(statement + " WHERE id = $1 AND status = $2 RETURNING id",
                                      std::span<const SqlValue>(values), [](const SqlRow&) {});
  if (!updated) return std::unexpected(updated.error());
  return *updated != 0;
}

Result<std::uint64_t> unfinished_batches(SqlConnection& connection, std::string_view owner) {
  std::uint64_t count = 0;
  const auto read = connection.run(
      "SELECT COUNT(*) FROM " + table +
          " WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling') AND owner = "
          "$1",
      {owner}, [&](const SqlRow& row) { count = row.count(0); });
  if (!read) return std::unexpected(read.error());
  return count;
}

// Of its times only that of its end and those before it are there. Whoever came late may have left
// lines behind.
Result<std::uint32_t> remove_ended_batches(SqlConnection& connection, std::int64_t before,
                                           std::uint32_t limit) {
  std::vector<std::int64_t> removed;
  const std::string statement =
      "DELETE FROM " + table + " WHERE seq IN (SELECT seq FROM " + table +
      " WHERE status IN ('failed', 'completed', 'expired', 'cancelled') AND created_at < $1 AND "
      "failed_at < $1 AND completed_at < $1 AND expired_at < $1 AND cancelled_at < $1 ORDER BY seq "
      "LIMIT $2" +
      std::string(connection.skip_locked()) + ") RETURNING seq";
  const auto done = connection.run(statement, {before, std::int64_t{limit}},
                                   [&](const SqlRow& row) { removed.push_back(row.number(0)); });
  if (!done) return std::unexpected(done.error());
  for (const std::int64_t batch : removed) {
    for (const char* const lines : {"DELETE FROM rocket_begun_lines WHERE batch = $1",
                                    "DELETE FROM rocket_line_results WHERE batch = $1"}) {
      const auto dropped = connection.run(lines, {batch});
      if (!dropped) return std::unexpected(dropped.error());
    }
  }
  return static_cast<std::uint32_t>(removed.size());
}

Result<std::vector<StoredBatch>> batches_at_work(SqlConnection& connection,
                                                 std::string_view engine) {
  const SqlValue values[] = {engine};
  return read_batches(
      connection,
      "status IN ('validating', 'in_progress', 'finalizing', 'cancelling') AND engine = $1 ORDER "
      "BY seq",
      values);
}

Result<std::vector<StoredBatch>> take_leases(SqlConnection& connection, std::string_view holder,
                                             std::int64_t now, std::int64_t until,
                                             std::uint32_t limit) {
  std::vector<std::pair<std::int64_t, StoredBatch>> taken;
  const std::string statement =
      "UPDATE " + table +
      " SET lease_holder = $1, lease_until = $2 WHERE seq IN (SELECT seq FROM " + table +
      " WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling') AND "
      "(lease_until <= $3 OR lease_until > $4) ORDER BY seq LIMIT $5" +
      std::string(connection.skip_locked()) + ") RETURNING " + all_columns();
  const auto updated = connection.run(
      statement, {holder, until, now, until + Store::clocks_differ, std::int64_t{limit}},
      [&](const SqlRow& row) { taken.emplace_back(row.number(0), read_batch(row)); });
  if (!updated) return std::unexpected(updated.error());
  std::ranges::sort(taken, {}, &decltype(taken)::value_type::first);
  std::vector<StoredBatch> batches;
  batches.reserve(taken.size());
  for (auto& [seq, batch] : taken)
    batches.push_back(std::move(batch));
  return batches;
}

Result<bool> extend_lease(SqlConnection& connection, std::string_view id, std::string_view holder,
                          std::int64_t until) {
  const auto updated = connection.run(
      "UPDATE " + table + " SET lease_until = $3 WHERE id = $1 AND lease_holder = $2 RETURNING id",
      {id, holder, until});
  if (!updated) return std::unexpected(updated.error());
  return *updated != 0;
}

Result<void> give_lease(SqlConnection& connection, std::string_view id, std::string_view holder) {
  const auto updated =
      connection.run("UPDATE " + table +
                         " SET lease_holder = '', lease_until = 0 WHERE id = $1 AND "
                         "lease_holder = $2",
                     {id, holder});
  if (!updated) return std::unexpected(updated.error());
  return {};
}

Result<bool> take_job(SqlConnection& connection, std::string_view id, const JobDriver& driver,
                      std::int64_t now, std::int64_t until) {
  const auto updated = connection.run(
      "UPDATE " + table +
          " SET job_cluster = $2, job_driver = $3, job_until = $5 WHERE id = $1 AND "
          "status = 'in_progress' AND (job_until <= $4 OR job_until > $6 OR "
          "(job_cluster = $2 AND job_driver <= $3)) RETURNING id",
      {id, driver.cluster, std::int64_t{driver.number}, now, until, until + Store::clocks_differ});
  if (!updated) return std::unexpected(updated.error());
  return *updated != 0;
}

}  // namespace rocket
