#include "store/postgres_connection.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace rocket {
namespace {

// Postgres takes no text that is not UTF-8, and no zero: what is wrong becomes U+FFFD, rather than
// that a row can never be written.
bool is_storable(std::string_view text) {
  while (!text.empty()) {
    const Utf8Piece piece = first_utf8_piece(text);
    if (!piece.valid || piece.code_point == 0) return false;
    text.remove_prefix(piece.bytes);
  }
  return true;
}

std::string storable(std::string_view text) {
  if (is_storable(text)) return std::string(text);
  std::string clean;
  while (!text.empty()) {
    const Utf8Piece piece = first_utf8_piece(text);
    const bool fit = piece.valid && piece.code_point != 0;
    clean += fit ? text.substr(0, piece.bytes) : utf8_replacement;
    text.remove_prefix(piece.bytes);
  }
  return clean;
}

std::string text_of(const SqlValue& value) {
  if (const auto* const integer = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*integer);
  }
  return storable(std::get<std::string_view>(value));
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  while (text.ends_with(' '))
    text.pop_back();
  return text;
}

}  // namespace

Result<std::unique_ptr<SqlConnection>> PostgresConnection::open(Settings settings) {
  const auto pq = Libpq::load();
  if (!pq) return std::unexpected(pq.error());
  auto connection = std::make_unique<PostgresConnection>(**pq, std::move(settings));
  const auto connected = connection->connect();
  if (!connected) return std::unexpected(connected.error());
  return std::unique_ptr<SqlConnection>(std::move(connection));
}

Result<void> PostgresConnection::connect() {
  // What libpq says of a URL that it can not read shows the URL.
  char* fault = nullptr;
  PQconninfoOption* const options = pq_.conninfo_parse(settings_.url.c_str(), &fault);
  if (options == nullptr) {
    pq_.free_memory(fault);
    settings_.tell("store.postgres_url_env holds no URL that Postgres's library can read");
    return fail(ErrorCode::store_unavailable,
                "the gateway's configuration of its store is not in order");
  }
  pq_.conninfo_free(options);
  // Dead servers are noticed in seconds. What the URL says comes later, and goes before.
  constexpr std::array keys{
      "connect_timeout",  "keepalives_idle",  "keepalives_interval",
      "keepalives_count", "tcp_user_timeout", "application_name",
      "client_encoding",  "dbname",           static_cast<const char*>(nullptr)};
  const std::array values{"3",
                          "5",
                          "2",
                          "3",
                          "10000",
                          "rocket",
                          "UTF8",
                          settings_.url.c_str(),
                          static_cast<const char*>(nullptr)};
  connection_.reset(pq_.connect(keys.data(), values.data(), 1));
  if (!connected()) return std::unexpected(unreachable());
  pq_.set_notice_processor(connection_.get(), [](void*, const char*) {}, nullptr);
  if (pq_.set_nonblocking(connection_.get(), 1) != 0) return std::unexpected(unreachable());
  // A little sooner than answer_time, so that a server which only takes too long can say so.
  for (const char* const setting : {"SET statement_timeout = '9s'", "SET lock_timeout = '2s'",
                                    "SET idle_in_transaction_session_timeout = '60s'"}) {
    const auto done = run(setting, {});
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

bool PostgresConnection::connected() const {
  return connection_ != nullptr && pq_.status(connection_.get()) == CONNECTION_OK;
}

Result<void> PostgresConnection::begin(Access access) {
  const char* const statement = access == Access::write ? "BEGIN" : "BEGIN READ ONLY";
  const auto begun = run(statement, {});
  if (begun) return {};
  // The server may have been started anew since the last one: nothing has been asked yet.
  if (!std::exchange(lost_, false)) return std::unexpected(begun.error());
  const auto again = connect();
  if (!again) {
    lost_ = true;
    return again;
  }
  const auto begun_again = run(statement, {});
  if (!begun_again) return std::unexpected(begun_again.error());
  return {};
}

Result<void> PostgresConnection::commit() {
  const auto committed = run("COMMIT", {});
  if (!committed) return std::unexpected(committed.error());
  return {};
}

void PostgresConnection::roll_back() {
  if (connected()) static_cast<void>(run("ROLLBACK", {}));
}

PostgresConnection::Answer PostgresConnection::ask(const std::string& statement,
                                                   std::span<const SqlValue> values) {
  answer_until_ = std::chrono::steady_clock::now() + settings_.answer_time;
  if (!connected() || !send(statement, values)) return {nullptr, Clearer{&pq_}};
  return receive();
}

// https://www.postgresql.org/docs/15/libpq-async.html
bool PostgresConnection::send(const std::string& statement, std::span<const SqlValue> values) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  std::vector<const char*> pointers;
  for (const SqlValue& value : values)
    pointers.push_back(texts.emplace_back(text_of(value)).c_str());
  PGconn* const connection = connection_.get();
  if (pq_.send_query(connection, statement.c_str(), static_cast<int>(pointers.size()), nullptr,
                     pointers.data(), nullptr, nullptr, 0) != 1) {
    return false;
  }
  while (true) {
    const int left = pq_.flush(connection);
    if (left <= 0) return left == 0;
    // It may have something to say before it takes the rest.
    if (!wait(POLLIN | POLLOUT) || pq_.consume_input(connection) != 1) return false;
  }
}

// The last result that a statement gives, as PQexec would.
PostgresConnection::Answer PostgresConnection::receive() {
  PGconn* const connection = connection_.get();
  Answer last{nullptr, Clearer{&pq_}};
  while (true) {
    while (pq_.is_busy(connection) == 1) {
      if (!wait(POLLIN)) return {nullptr, Clearer{&pq_}};
      // What has broken is told by the next result.
      if (pq_.consume_input(connection) != 1) break;
    }
    Answer next{pq_.get_result(connection), Clearer{&pq_}};
    if (!next) return last;
    last = std::move(next);
  }
}

bool PostgresConnection::wait(short events) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        answer_until_ - std::chrono::steady_clock::now());
    pollfd polled{pq_.socket(connection_.get()), events, 0};
    const int ready = left.count() > 0 ? ::poll(&polled, 1, static_cast<int>(left.count())) : 0;
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR) continue;
    give_up();
    return false;
  }
}

void PostgresConnection::give_up() {
  settings_.tell("Postgres: does not answer; its connection is given up");
  connection_.reset();
  lost_ = true;
}

Result<std::size_t> PostgresConnection::run(const std::string& statement,
                                            std::span<const SqlValue> values, const OnRow& on_row) {
  const Answer answer = ask(statement, values);
  const ExecStatusType status = pq_.result_status(answer.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    return std::unexpected(failure(answer));
  }
  const int rows = pq_.rows(answer.get());
  std::vector<std::string_view> columns(static_cast<size_t>(pq_.columns(answer.get())));
  for (int row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const int column = static_cast<int>(i);
      columns[i] = {pq_.value(answer.get(), row, column),
                    static_cast<size_t>(pq_.length(answer.get(), row, column))};
    }
    on_row(SqlRow(columns));
  }
  return static_cast<std::size_t>(rows);
}

Result<std::int64_t> PostgresConnection::schema_version() {
  std::int64_t version = 0;
  bool there = false;
  // Asked of a table: a server process hears of what others have made when it opens one, and goes
  // by its memory if it is only asked for a name.
  const auto looked =
      run("SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('rocket_schema'))", {},
          [&](const SqlRow& row) { there = row.text(0) == "t"; });
  if (!looked) return std::unexpected(looked.error());
  if (!there) return 0;
  const auto read = run("SELECT version FROM rocket_schema", {},
                        [&](const SqlRow& row) { version = row.number(0); });
  if (!read) return std::unexpected(read.error());
  return version;
}

Result<void> PostgresConnection::lock_schema() {
  // Any number, the same for all.
  const auto locked = run("SELECT pg_advisory_xact_lock(5936419480)", {});
  if (!locked) return std::unexpected(locked.error());
  return {};
}

Result<void> PostgresConnection::set_schema_version(std::int64_t version) {
  const auto made = run("CREATE TABLE IF NOT EXISTS rocket_schema (version BIGINT NOT NULL)", {});
  if (!made) return std::unexpected(made.error());
  const auto emptied = run("DELETE FROM rocket_schema", {});
  if (!emptied) return std::unexpected(emptied.error());
  const auto written = run("INSERT INTO rocket_schema (version) VALUES ($1)", {version});
  if (!written) return std::unexpected(written.error());
  return {};
}

Error PostgresConnection::unreachable() {
  lost_ = true;
  // Otherwise it has been told of when it was given up.
  if (connection_) settings_.tell("Postgres: " + one_line(pq_.error_message(connection_.get())));
  return {ErrorCode::store_unavailable,
          "the database of files and batches can not be reached; try again soon"};
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
Error PostgresConnection::failure(const Answer& answer) {
  const char* const field = pq_.error_field(answer.get(), PG_DIAG_SQLSTATE);
  const std::string_view state = field == nullptr ? "" : field;
  // What the server has said nothing of is a connection that failed, whether libpq knows it yet or
  // not.
  if (!connected() || state.empty()) return unreachable();
  settings_.tell("Postgres: " + std::string(state) + ' ' +
                 one_line(pq_.result_error_message(answer.get())));
  if (state == "53100") {
    return {ErrorCode::store_full, "no space is left where files and batches are kept"};
  }
  if (state == "25006") {
    lost_ = true;  // the URL may lead elsewhere by now
    return {ErrorCode::store_unavailable,
            "the database of files and batches is a read-only copy now; try again soon"};
  }
  if (state == "55P03" || state == "57014") {
    return {ErrorCode::store_unavailable,
            "the database of files and batches is locked by somebody; try again soon"};
  }
  const bool theirs = state.starts_with("08") || state.starts_with("53") ||
                      state.starts_with("57") || state.starts_with("58") || state.starts_with("40");
  if (theirs) {
    lost_ = true;
    return {ErrorCode::store_unavailable,
            "the database of files and batches can not answer now; try again soon"};
  }
  return {ErrorCode::internal, "the store failed in a way that it should not"};
}

}  // namespace rocket
