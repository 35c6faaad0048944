#include "store/sqlite_connection.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "store/folder.h"
#include "store/sql_schema.h"

namespace rocket {
namespace {

// "Rckt": what a file of ours says of itself.
constexpr std::int64_t application_id = 0x52636b74;
// Whoever waits behind one that has waited in vain does not wait as long again.
constexpr std::chrono::milliseconds short_patience{20};

std::string_view name_in(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

int bind(sqlite3_stmt* statement, int number, const SqlValue& value) {
  if (const auto* const integer = std::get_if<std::int64_t>(&value)) {
    return ::sqlite3_bind_int64(statement, number, *integer);
  }
  const auto text = std::get<std::string_view>(value);
  return ::sqlite3_bind_text64(statement, number, text.data() == nullptr ? "" : text.data(),
                               text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

std::string_view column_of(sqlite3_stmt* statement, int column) {
  const unsigned char* const text = ::sqlite3_column_text(statement, column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<size_t>(::sqlite3_column_bytes(statement, column))};
}

}  // namespace

Result<std::unique_ptr<SqlConnection>> SqliteConnection::open(Settings settings) {
  auto connection = std::make_unique<SqliteConnection>(std::move(settings));
  const auto opened = connection->open_file();
  if (!opened) return std::unexpected(opened.error());
  const auto prepared = connection->prepare();
  if (!prepared) return std::unexpected(prepared.error());
  return std::unique_ptr<SqlConnection>(std::move(connection));
}

Result<void> SqliteConnection::open_file() {
  // SQLite would let everybody read what it makes, and its log gets the mode of the file.
  const int fd = ::open(settings_.file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) {
    const int why = errno;
    settings_.tell(settings_.file + ": " + std::strerror(why));
    return std::unexpected(disk_error(why));
  }
  ::close(fd);
  sqlite3* database = nullptr;
  const int code = ::sqlite3_open_v2(settings_.file.c_str(), &database,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(database);
  if (code != SQLITE_OK) return std::unexpected(failure(code));
  ::sqlite3_extended_result_codes(database_.get(), 1);
  set_patience(settings_.patience);
  return {};
}

// Looks before it changes anything.
Result<void> SqliteConnection::prepare() {
  const auto version = schema_version();
  if (!version) return std::unexpected(version.error());
  if (!works_with_schema(*version)) return {};  // migrate() says what is the matter
  const auto id = number_of("PRAGMA application_id");
  const auto tables = number_of("SELECT COUNT(*) FROM sqlite_master");
  if (!id || !tables) return std::unexpected(id ? tables.error() : id.error());
  if (*id != application_id && (*id != 0 || *tables != 0)) {
    return fail(ErrorCode::store_unavailable,
                std::string(name_in(settings_.file)) +
                    " is another program's database; name another folder in store.path");
  }
  for (const char* const pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                                   "PRAGMA journal_size_limit = 16777216"}) {
    const auto done = run(pragma, {});
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

Result<std::int64_t> SqliteConnection::number_of(const std::string& statement) {
  std::int64_t number = 0;
  const auto read = run(statement, {}, [&](const SqlRow& row) { number = row.number(0); });
  if (!read) return std::unexpected(read.error());
  return number;
}

Result<void> SqliteConnection::begin(Access access) {
  // What is written to a file that has been deleted is gone.
  int moved = 0;
  ::sqlite3_file_control(database_.get(), nullptr, SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0) {
    lost_ = true;
    settings_.tell(settings_.file + ": has been moved or deleted");
    return fail(ErrorCode::store_unavailable,
                std::string(name_in(settings_.file)) +
                    " has been moved or deleted; try again for a new one");
  }
  // A lock that is needed later could be refused later, without having been waited for.
  const auto begun = run(access == Access::write ? "BEGIN IMMEDIATE" : "BEGIN", {});
  if (!begun) return std::unexpected(begun.error());
  if (access == Access::write) set_patience(settings_.patience);
  return {};
}

Result<void> SqliteConnection::commit() {
  const auto committed = run("COMMIT", {});
  if (!committed) return std::unexpected(committed.error());
  return {};
}

void SqliteConnection::roll_back() {
  // A full disk has rolled back already.
  if (::sqlite3_get_autocommit(database_.get()) == 0) static_cast<void>(run("ROLLBACK", {}));
}

Result<std::size_t> SqliteConnection::run(const std::string& statement,
                                          std::span<const SqlValue> values, const OnRow& on_row) {
  sqlite3_stmt* made = nullptr;
  int code = ::sqlite3_prepare_v2(database_.get(), statement.c_str(),
                                  static_cast<int>(statement.size() + 1), &made, nullptr);
  const std::unique_ptr<sqlite3_stmt, Finisher> prepared(made);
  if (code != SQLITE_OK) return std::unexpected(failure(code));
  for (size_t i = 0; i < values.size(); ++i) {
    // "$3" is a name to SQLite, and gets its number where it first stands.
    const std::string name = "$" + std::to_string(i + 1);
    code = bind(made, ::sqlite3_bind_parameter_index(made, name.c_str()), values[i]);
    if (code != SQLITE_OK) return std::unexpected(failure(code));
  }
  std::vector<std::string_view> columns(static_cast<size_t>(::sqlite3_column_count(made)));
  std::size_t rows = 0;
  while ((code = ::sqlite3_step(made)) == SQLITE_ROW) {
    for (size_t i = 0; i < columns.size(); ++i)
      columns[i] = column_of(made, static_cast<int>(i));
    on_row(SqlRow(columns));
    ++rows;
  }
  if (code != SQLITE_DONE) return std::unexpected(failure(code));
  return rows;
}

Result<std::int64_t> SqliteConnection::schema_version() {
  return number_of("PRAGMA user_version");
}

Result<void> SqliteConnection::set_schema_version(std::int64_t version) {
  for (const auto& [name, number] : std::array<std::pair<const char*, std::int64_t>, 2>{
           {{"PRAGMA application_id = ", application_id}, {"PRAGMA user_version = ", version}}}) {
    const auto done = run(name + std::to_string(number), {});
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

// The code of what has just failed, in words; the operator is told everything.
Error SqliteConnection::failure(int code) {
  sqlite3* const database = database_.get();
  const int system_error = database == nullptr ? 0 : ::sqlite3_system_errno(database);
  const std::string name(name_in(settings_.file));
  settings_.tell(settings_.file + ": " +
                 (database == nullptr ? ::sqlite3_errstr(code) : ::sqlite3_errmsg(database)));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      set_patience(short_patience);
      return {ErrorCode::store_unavailable,
              name + " is locked by another program; try again, and end what holds it"};
    case SQLITE_FULL: return disk_error(ENOSPC);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      lost_ = true;
      return {ErrorCode::store_unavailable,
              name + " is damaged; restore it from a copy, or move it away to begin anew"};
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      lost_ = true;  // what has been done to the file is seen when it is opened again
      return disk_error(system_error);
    default: return {ErrorCode::internal, "the store failed in a way that it should not"};
  }
}

void SqliteConnection::set_patience(std::chrono::milliseconds patience) {
  ::sqlite3_busy_timeout(database_.get(), static_cast<int>(patience.count()));
}

}  // namespace rocket
