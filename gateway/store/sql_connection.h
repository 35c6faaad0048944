#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/error.h"

namespace rocket {

// What a statement is given for $1, $2 and so on: it is bound, never written into the text. Views
// live until the statement has been run.
using SqlValue = std::variant<std::int64_t, std::string_view>;

// One row of an answer, good until the next.
class SqlRow {
 public:
  explicit SqlRow(std::span<const std::string_view> columns) : columns_(columns) {}

  [[nodiscard]] std::string_view text(std::size_t column) const { return columns_[column]; }
  // 0 for what is no number.
  [[nodiscard]] std::int64_t number(std::size_t column) const {
    const std::string_view text = columns_[column];
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  [[nodiscard]] std::uint64_t count(std::size_t column) const {
    return static_cast<std::uint64_t>(number(column));
  }

 private:
  std::span<const std::string_view> columns_;
};

// A database that speaks SQL, in the words that SQLite and Postgres have in common. What they say
// in different words stands here. Blocks, and belongs to one thread. Errors are those of Store.
class SqlConnection {
 public:
  enum class Access : unsigned char { read, write };
  using OnRow = std::function<void(const SqlRow&)>;

  virtual ~SqlConnection() = default;
  SqlConnection(const SqlConnection&) = delete;
  SqlConnection& operator=(const SqlConnection&) = delete;

  // Everything happens within a transaction. What has been committed is durable.
  [[nodiscard]] virtual Result<void> begin(Access access) = 0;
  [[nodiscard]] virtual Result<void> commit() = 0;
  virtual void roll_back() = 0;

  // Runs one statement; how many rows it had.
  [[nodiscard]] virtual Result<std::size_t> run(const std::string& statement,
                                                std::span<const SqlValue> values,
                                                const OnRow& on_row) = 0;
  [[nodiscard]] Result<std::size_t> run(const std::string& statement,
                                        std::initializer_list<SqlValue> values,
                                        const OnRow& on_row = ignore) {
    return run(statement, std::span(values.begin(), values.size()), on_row);
  }

  // Of a column that numbers rows in the order in which they came.
  [[nodiscard]] virtual std::string_view serial() const = 0;
  // Behind a selection of rows that are about to be changed: leaves out those that somebody else
  // is changing.
  [[nodiscard]] virtual std::string_view skip_locked() const = 0;

  // Within a transaction that writes: one at a time changes the schema.
  [[nodiscard]] virtual Result<void> lock_schema() = 0;
  // 0: nothing of Rocket's is there yet.
  [[nodiscard]] virtual Result<std::int64_t> schema_version() = 0;
  [[nodiscard]] virtual Result<void> set_schema_version(std::int64_t version) = 0;

  // Nothing can be asked of it any more; connect anew.
  [[nodiscard]] virtual bool lost() const = 0;

 protected:
  SqlConnection() = default;

 private:
  static void ignore(const SqlRow&) {}
};

// Runs `work`, which returns a Result, within a transaction: all of it or nothing.
template <class Work>
[[nodiscard]] auto in_transaction(SqlConnection& connection, SqlConnection::Access access,
                                  Work&& work) -> decltype(work()) {
  auto begun = connection.begin(access);
  if (!begun) return std::unexpected(std::move(begun.error()));
  auto result = work();
  if (!result) {
    connection.roll_back();
    return result;
  }
  auto committed = connection.commit();
  if (!committed) {
    connection.roll_back();
    return std::unexpected(std::move(committed.error()));
  }
  return result;
}

}  // namespace rocket
