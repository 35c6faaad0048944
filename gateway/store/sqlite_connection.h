#pragma once

#include <sqlite3.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "store/sql_connection.h"

namespace rocket {

// A database of our own in one file, with a write-ahead log: a commit is on the disk when it
// returns, whatever happens to the process or the machine.
class SqliteConnection final : public SqlConnection {
 public:
  struct Settings {
    std::string file;
    // How long a lock that another program holds is waited for.
    std::chrono::milliseconds patience{2000};
    // Told what went wrong in full, for the operator: clients are told no paths.
    std::function<void(std::string_view what)> tell = [](std::string_view) {};
  };

  // The file is made, for its owner alone, if there is none. A database of another program's or
  // of a newer Rocket is left as it is.
  [[nodiscard]] static Result<std::unique_ptr<SqlConnection>> open(Settings settings);

  explicit SqliteConnection(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] Result<void> begin(Access access) override;
  [[nodiscard]] Result<void> commit() override;
  void roll_back() override;
  using SqlConnection::run;
  [[nodiscard]] Result<std::size_t> run(const std::string& statement,
                                        std::span<const SqlValue> values,
                                        const OnRow& on_row) override;
  [[nodiscard]] std::string_view serial() const override {
    return "INTEGER PRIMARY KEY AUTOINCREMENT";
  }
  // There is one writer at a time.
  [[nodiscard]] std::string_view skip_locked() const override { return ""; }
  [[nodiscard]] Result<void> lock_schema() override { return {}; }  // whoever writes has it
  [[nodiscard]] Result<std::int64_t> schema_version() override;
  [[nodiscard]] Result<void> set_schema_version(std::int64_t version) override;
  [[nodiscard]] bool lost() const override { return lost_; }

 private:
  struct Closer {
    void operator()(sqlite3* database) const { ::sqlite3_close(database); }
  };
  struct Finisher {
    void operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }
  };

  [[nodiscard]] Result<void> open_file();
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<std::int64_t> number_of(const std::string& statement);
  [[nodiscard]] Error failure(int code);
  void set_patience(std::chrono::milliseconds patience);

  Settings settings_;
  std::unique_ptr<sqlite3, Closer> database_;
  bool lost_ = false;
};

}  // namespace rocket
