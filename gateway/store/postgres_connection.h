#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "store/libpq.h"
#include "store/sql_connection.h"

namespace rocket {

// A database in a Postgres server. A connection that has broken while nothing was asked is made
// anew; one that breaks within a transaction is lost, and so is the transaction. Whether a commit
// that was not answered has come about, nobody knows: its caller is told that it failed.
//
// A server that takes a statement and says nothing (stopped, or behind a network that swallows
// everything) is given up after Settings::answer_time, by the clock of this side: neither its own
// statement_timeout nor TCP's keepalives notice one whose kernel still answers.
class PostgresConnection final : public SqlConnection {
 public:
  struct Settings {
    std::string url;  // with its password: never shown
    // Told what went wrong in full, for the operator, without the URL.
    std::function<void(std::string_view what)> tell = [](std::string_view) {};
    Duration answer_time = std::chrono::seconds(10);
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
  // Null: it could not be asked, or has not answered in time and is not connected any more.
  [[nodiscard]] Answer ask(const std::string& statement, std::span<const SqlValue> values);
  [[nodiscard]] bool send(const std::string& statement, std::span<const SqlValue> values);
  [[nodiscard]] Answer receive();
  // Until the server has said more, or takes more; false when its time is over.
  [[nodiscard]] bool wait(short events);
  void give_up();
  [[nodiscard]] bool connected() const;
  [[nodiscard]] Error failure(const Answer& answer);
  [[nodiscard]] Error unreachable();

  const Libpq& pq_;
  Settings settings_;
  std::unique_ptr<PGconn, Finisher> connection_{nullptr, Finisher{&pq_}};
  TimePoint answer_until_{};
  bool lost_ = false;
};

}  // namespace rocket
