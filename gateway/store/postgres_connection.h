#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "store/libpq.h"
#include "store/sql_connection.h"

namespace rocket {

// A database in a Postgres server. A connection that has broken while nothing was asked is made
// anew; one that breaks within a transaction is lost, and so is the transaction. Whether a commit
// that was not answered has come about, nobody knows: its caller is told that it failed.
class PostgresConnection final : public SqlConnection {
 public:
  struct Settings {
    std::string url;  // with its password: never shown
    // Told what went wrong in full, for the operator, without the URL.
    std::function<void(std::string_view what)> tell = [](std::string_view) {};
  };

  // Takes seconds at most.
  [[nodiscard]] static Result<std::unique_ptr<SqlConnection>> open(Settings settings);

  PostgresConnection(const Libpq& pq, Settings settings)
      : pq_(pq), settings_(std::move(settings)) {}

  [[nodiscard]] Result<void> begin(Access access) override;
  [[nodiscard]] Result<void> commit() override;
  void roll_back() override;
  using SqlConnection::run;
  [[nodiscard]] Result<std::size_t> run(const std::string& statement,
                                        std::span<const SqlValue> values,
                                        const OnRow& on_row) override;
  [[nodiscard]] std::string_view serial() const override {
    return "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";
  }
  [[nodiscard]] std::string_view skip_locked() const override { return " FOR UPDATE SKIP LOCKED"; }
  [[nodiscard]] Result<void> lock_schema() override;
  [[nodiscard]] Result<std::int64_t> schema_version() override;
  [[nodiscard]] Result<void> set_schema_version(std::int64_t version) override;
  [[nodiscard]] bool lost() const override { return lost_; }

 private:
  struct Finisher {
    const Libpq* pq;
    void operator()(PGconn* connection) const { pq->finish(connection); }
  };
  struct Clearer {
    const Libpq* pq;
    void operator()(PGresult* result) const { pq->clear(result); }
  };
  using Answer = std::unique_ptr<PGresult, Clearer>;

  [[nodiscard]] Result<void> connect();
  [[nodiscard]] Answer ask(const std::string& statement, std::span<const SqlValue> values);
  [[nodiscard]] bool connected() const;
  [[nodiscard]] Error failure(const Answer& answer);
  [[nodiscard]] Error unreachable();

  const Libpq& pq_;
  Settings settings_;
  std::unique_ptr<PGconn, Finisher> connection_{nullptr, Finisher{&pq_}};
  bool lost_ = false;
};

}  // namespace rocket
