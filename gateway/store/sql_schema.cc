#include "store/sql_schema.h"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace rocket {
namespace {

// What makes version 1 of nothing. {serial}: SqlConnection::serial(). A version that has been
// released stays as it is: what comes later is a migration of its own, and an addition (see
// current_schema_version()). A gateway that runs goes on with what a newer one has migrated,
// whatever the version: what an old statement must not find any more gets another name.
constexpr std::array<std::string_view, 8> to_version_1{
    R"(CREATE TABLE rocket_files (
      seq {serial},
      id TEXT NOT NULL UNIQUE,
      owner TEXT NOT NULL,
      filename TEXT NOT NULL,
      purpose TEXT NOT NULL,
      bytes BIGINT NOT NULL,
      created_at BIGINT NOT NULL,
      expires_at BIGINT NOT NULL))",
    "CREATE INDEX rocket_files_by_owner ON rocket_files (owner, seq)",
    "CREATE INDEX rocket_files_by_expiry ON rocket_files (expires_at) WHERE expires_at <> 0",
    R"(CREATE TABLE rocket_batches (
      seq {serial},
      id TEXT NOT NULL UNIQUE,
      owner TEXT NOT NULL,
      endpoint TEXT NOT NULL,
      input_file_id TEXT NOT NULL,
      completion_window TEXT NOT NULL,
      metadata TEXT NOT NULL,
      errors TEXT NOT NULL,
      engine TEXT NOT NULL,
      output_file_id TEXT NOT NULL,
      error_file_id TEXT NOT NULL,
      status TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      in_progress_at BIGINT NOT NULL,
      expires_at BIGINT NOT NULL,
      finalizing_at BIGINT NOT NULL,
      completed_at BIGINT NOT NULL,
      failed_at BIGINT NOT NULL,
      expired_at BIGINT NOT NULL,
      cancelling_at BIGINT NOT NULL,
      cancelled_at BIGINT NOT NULL,
      output_expires_after BIGINT NOT NULL,
      total BIGINT NOT NULL,
      completed BIGINT NOT NULL DEFAULT 0,
      failed BIGINT NOT NULL DEFAULT 0,
      input_tokens BIGINT NOT NULL DEFAULT 0,
      cached_tokens BIGINT NOT NULL DEFAULT 0,
      output_tokens BIGINT NOT NULL DEFAULT 0,
      reasoning_tokens BIGINT NOT NULL DEFAULT 0,
      lease_holder TEXT NOT NULL DEFAULT '',
      lease_until BIGINT NOT NULL DEFAULT 0))",
    "CREATE INDEX rocket_batches_by_owner ON rocket_batches (owner, seq)",
    // The few that are worked on among all that there have ever been.
    R"(CREATE INDEX rocket_batches_at_work ON rocket_batches (seq)
      WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling'))",
    R"(CREATE TABLE rocket_begun_lines (
      batch BIGINT NOT NULL,
      line BIGINT NOT NULL,
      times BIGINT NOT NULL,
      PRIMARY KEY (batch, line)))",
    R"(CREATE TABLE rocket_line_results (
      batch BIGINT NOT NULL,
      line BIGINT NOT NULL,
      error BIGINT NOT NULL,
      json TEXT NOT NULL,
      input_tokens BIGINT NOT NULL,
      cached_tokens BIGINT NOT NULL,
      output_tokens BIGINT NOT NULL,
      reasoning_tokens BIGINT NOT NULL,
      PRIMARY KEY (batch, line)))",
};

// Which cluster's job shares out the lines of a batch.
constexpr std::array<std::string_view, 3> to_version_2{
    "ALTER TABLE rocket_batches ADD COLUMN job_cluster TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE rocket_batches ADD COLUMN job_driver BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE rocket_batches ADD COLUMN job_until BIGINT NOT NULL DEFAULT 0",
};

constexpr std::int64_t additions_max = 1000;

// By the version that each begins with.
constexpr std::array<std::span<const std::string_view>, 2> migrations{to_version_1, to_version_2};

std::string statement_for(std::string_view text, const SqlConnection& connection) {
  constexpr std::string_view placeholder = "{serial}";
  std::string statement(text);
  const size_t at = statement.find(placeholder);
  if (at != std::string::npos) statement.replace(at, placeholder.size(), connection.serial());
  return statement;
}

Result<void> migrate_from(SqlConnection& connection, std::int64_t version, std::int64_t current) {
  if (!works_with_schema(version)) {
    return fail(ErrorCode::store_unavailable,
                "the store was made by a newer Rocket (version " + std::to_string(version) +
                    " of its tables, this one knows " + std::to_string(current) +
                    "); run that one, or name another store");
  }
  for (std::int64_t next = version; next < current; ++next) {
    for (const std::string_view text : migrations[static_cast<size_t>(next)]) {
      const auto done = connection.run(statement_for(text, connection), {});
      if (!done) return std::unexpected(done.error());
    }
  }
  return version >= current ? Result<void>{} : connection.set_schema_version(current);
}

// Or has more than is wanted, which is in nobody's way.
Result<bool> is_at(SqlConnection& connection, std::int64_t wanted) {
  return in_transaction(connection, SqlConnection::Access::read, [&]() -> Result<bool> {
    const auto version = connection.schema_version();
    if (!version) return std::unexpected(version.error());
    return *version >= wanted && works_with_schema(*version);
  });
}

}  // namespace

std::int64_t current_schema_version() {
  return static_cast<std::int64_t>(migrations.size());
}

bool works_with_schema(std::int64_t version) {
  return version / additions_max <= current_schema_version() / additions_max;
}

Result<void> migrate(SqlConnection& connection, std::int64_t to) {
  // Usually there is nothing to do, and then nobody's lock is in the way.
  const auto there = is_at(connection, to);
  if (!there) return std::unexpected(there.error());
  if (*there) return {};
  return in_transaction(connection, SqlConnection::Access::write, [&]() -> Result<void> {
    const auto locked = connection.lock_schema();
    if (!locked) return locked;
    const auto version = connection.schema_version();
    if (!version) return std::unexpected(version.error());
    return migrate_from(connection, *version, to);
  });
}

}  // namespace rocket
