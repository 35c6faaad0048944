#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/open_store.h"
#include "store/postgres_connection.h"
#include "store/sqlite_connection.h"
#include "testing/memory_store.h"
#include "testing/postgres_server.h"
#include "testing/temporary_folder.h"

// What the tests of stores share: one in SQLite, one in Postgres, one in memory.
namespace rocket {

// What every store has to keep to, whatever it is made of.
class AnyStore : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    place_.folder = folder_.file("store");
    place_.tell = [this](std::string_view what) { told_ += std::string(what) + '\n'; };
    if (in_postgres()) {
      if (!PostgresServer::shared().missing().empty()) {
        GTEST_SKIP() << PostgresServer::shared().missing();
      }
      place_.postgres_url = PostgresServer::shared().make_database();
    }
    open();
  }

  [[nodiscard]] static bool in_postgres() { return std::string_view(GetParam()) == "postgres"; }

  [[nodiscard]] static bool in_memory() { return std::string_view(GetParam()) == "memory"; }

  // Whatever was open is closed first, but for what would not survive that.
  void open() {
    if (in_memory()) {
      if (!store_) store_ = std::make_unique<MemoryStore>();
      return;
    }
    store_.reset();
    auto opened = open_store(place_, StoreThread::Need::make);
    ASSERT_TRUE(opened) << opened.error().detail << '\n' << told_;
    store_ = *std::move(opened);
  }

  // A connection beside the store.
  [[nodiscard]] std::unique_ptr<SqlConnection> connect() {
    auto connection = in_postgres()
                          ? PostgresConnection::open({.url = place_.postgres_url})
                          : SqliteConnection::open({.file = place_.folder + "/rocket.db",
                                                    .patience = std::chrono::milliseconds(50)});
    EXPECT_TRUE(connection) << connection.error().detail;
    return *std::move(connection);
  }

  [[nodiscard]] static StoredFile file(const std::string& id, const std::string& owner = "a") {
    return {.id = "file-" + id,
            .owner = owner,
            .filename = "täglich \"1\".jsonl",
            .purpose = "batch",
            .bytes = 12345,
            .created_at = 1'700'000'000,
            .expires_at = 0};
  }
  [[nodiscard]] static StoredBatch batch(const std::string& id, const std::string& owner = "a") {
    StoredBatch batch;
    batch.id = "batch_" + id;
    batch.owner = owner;
    batch.endpoint = "/v1/chat/completions";
    batch.input_file_id = "file-1";
    batch.completion_window = "24h";
    batch.metadata = R"({"a":"b"})";
    batch.engine = "local";
    batch.output_expires_after = 3600;
    batch.created_at = 1'700'000'000;
    batch.total = 10;
    return batch;
  }
  [[nodiscard]] static LineResult answer(std::uint32_t line, const std::string& json = "{}") {
    return {.line = line,
            .error = false,
            .json = json,
            .tokens = {.input = 10, .cached = 2, .output = 5, .reasoning = 1}};
  }
  [[nodiscard]] static LineResult error(std::uint32_t line) {
    return {.line = line, .error = true, .json = R"({"error":{}})", .tokens = {}};
  }

  [[nodiscard]] StoredBatch found(const std::string& id) {
    const auto found = store_->find_batch("a", "batch_" + id);
    EXPECT_TRUE(found && *found) << id;
    return found && *found ? **found : StoredBatch{};
  }
  [[nodiscard]] std::vector<std::string> listed(const Store::Page& page,
                                                const std::string& owner = "a") {
    const auto listed = store_->list_files(owner, page);
    EXPECT_TRUE(listed);
    std::vector<std::string> ids;
    if (listed) {
      for (const StoredFile& file : listed->items)
        ids.push_back(file.id);
      if (listed->more) ids.emplace_back("...");
    }
    return ids;
  }
  [[nodiscard]] std::vector<std::string> leased(const std::string& holder, std::int64_t now,
                                                std::int64_t until, std::uint32_t limit = 10) {
    const auto taken = store_->take_leases(holder, now, until, limit);
    EXPECT_TRUE(taken);
    std::vector<std::string> ids;
    if (taken) {
      for (const StoredBatch& batch : *taken)
        ids.push_back(batch.id);
    }
    return ids;
  }

  TemporaryFolder folder_;
  StorePlace place_;
  std::string told_;
  std::unique_ptr<Store> store_;
};

using Ids = std::vector<std::string>;

}  // namespace rocket
