#pragma once

#include <sys/types.h>

#include <string>

#include "testing/temporary_folder.h"

namespace rocket {

// A Postgres of the test's own, on a Unix socket in a folder of its own, as a user without rights;
// it ends with the test. Databases are empty and never used twice.
class PostgresServer {
 public:
  // Started by the first who asks.
  [[nodiscard]] static PostgresServer& shared();

  PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  // Why there is none; empty: it runs.
  [[nodiscard]] const std::string& missing() const { return missing_; }
  // The URL of a new database.
  [[nodiscard]] std::string make_database();

  // As when the machine fails: nothing is written any more.
  void kill();
  // Takes up what is there.
  void start();

 private:
  [[nodiscard]] std::string url(const std::string& database) const;

  TemporaryFolder folder_;
  std::string programs_;  // where initdb and postgres are
  std::string missing_;
  pid_t process_ = -1;
  int said_ = -1;
  int databases_ = 0;
};

}  // namespace rocket
