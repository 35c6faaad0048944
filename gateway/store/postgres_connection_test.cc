#include "store/postgres_connection.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "store/open_store.h"
#include "store/sql_schema.h"
#include "testing/postgres_server.h"

namespace rocket {
namespace {

TEST(Postgres, AServerThatWasAwayIsFoundAgain) {
  PostgresServer& server = PostgresServer::shared();
  if (!server.missing().empty()) GTEST_SKIP() << server.missing();
  std::string told;
  const StorePlace place{.folder = {},
                         .postgres_url = server.make_database(),
                         .tell = [&](std::string_view what) { told += what; }};
  auto store = open_store(place, StoreThread::Need::make);
  ASSERT_TRUE(store) << store.error().detail;
  const StoredFile file{.id = "file-1", .owner = {}, .filename = "f", .purpose = "batch"};
  ASSERT_TRUE((*store)->add_file(file));
  server.kill();
  const auto away = (*store)->find_file("", "file-1");
  ASSERT_FALSE(away) << told;
  EXPECT_EQ(away.error().code, ErrorCode::store_unavailable) << told;
  EXPECT_TRUE((*store)->lost());
  EXPECT_TRUE(told.contains("Postgres")) << told;
  const auto closed = open_store(place, StoreThread::Need::make);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::store_unavailable);
  server.start();
  store = open_store(place, StoreThread::Need::make);
  ASSERT_TRUE(store);
  EXPECT_TRUE((*store)->find_file("", "file-1").value());
  // One that was started anew while nothing was asked is not even noticed.
  server.kill();
  server.start();
  EXPECT_TRUE((*store)->find_file("", "file-1").value());
  EXPECT_FALSE((*store)->lost());
}

TEST(Postgres, AServerThatSaysNothingIsGivenUp) {
  PostgresServer& server = PostgresServer::shared();
  if (!server.missing().empty()) GTEST_SKIP() << server.missing();
  std::string told;
  auto opened = PostgresConnection::open({.url = server.make_database(),
                                          .tell = [&](std::string_view what) { told += what; },
                                          .answer_time = std::chrono::milliseconds(200)});
  ASSERT_TRUE(opened);
  SqlConnection& connection = **opened;
  ASSERT_TRUE(connection.run("SELECT 1", {}));
  const auto begun = std::chrono::steady_clock::now();
  const auto silent = connection.run("SELECT pg_sleep(8)", {});
  const auto waited = std::chrono::steady_clock::now() - begun;
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::store_unavailable);
  EXPECT_TRUE(connection.lost());
  EXPECT_TRUE(told.contains("does not answer")) << told;
  EXPECT_GE(waited, std::chrono::milliseconds(200));
  EXPECT_LT(waited, std::chrono::seconds(5));
  // Whoever asks on is told the same, at once.
  EXPECT_EQ(connection.run("SELECT 1", {}).error().code, ErrorCode::store_unavailable);
}

// As it is with two gateways that start at once: one waits for the lock while the other makes the
// tables, and has looked for them before.
TEST(Postgres, WhoHasWaitedForTheSchemaSeesWhatBecameOfIt) {
  PostgresServer& server = PostgresServer::shared();
  if (!server.missing().empty()) GTEST_SKIP() << server.missing();
  const std::string url = server.make_database();
  auto first = PostgresConnection::open({.url = url});
  auto second = PostgresConnection::open({.url = url});
  ASSERT_TRUE(first && second);
  // Whatever else these statements look up is known to its server process then.
  ASSERT_TRUE((*second)->begin(SqlConnection::Access::write));
  ASSERT_TRUE((*second)->lock_schema());
  EXPECT_EQ((*second)->schema_version().value(), 0);
  (*second)->roll_back();
  ASSERT_TRUE((*second)->begin(SqlConnection::Access::write));
  EXPECT_EQ((*second)->schema_version().value(), 0);
  ASSERT_TRUE(migrate(**first, current_schema_version()));
  ASSERT_TRUE((*second)->lock_schema());
  EXPECT_EQ((*second)->schema_version().value(), current_schema_version());
  (*second)->roll_back();
}

TEST(Postgres, AStatementMayBeLongerThanASocketTakes) {
  PostgresServer& server = PostgresServer::shared();
  if (!server.missing().empty()) GTEST_SKIP() << server.missing();
  auto opened = PostgresConnection::open({.url = server.make_database()});
  ASSERT_TRUE(opened);
  const std::string text(size_t{8} << 20U, 'x');
  std::int64_t told = 0;
  const auto on_row = [&](const SqlRow& row) { told = row.number(0); };
  const std::vector<SqlValue> values{std::string_view(text)};
  ASSERT_TRUE((*opened)->run("SELECT length($1::text)", values, on_row));
  EXPECT_EQ(told, std::int64_t{8} << 20);
  std::string back;
  const auto keep = [&](const SqlRow& row) { back = row.text(0); };
  ASSERT_TRUE((*opened)->run("SELECT $1::text", values, keep));
  EXPECT_EQ(back, text);
}

TEST(Postgres, WhatTheUrlHoldsIsNeverShown) {
  for (const std::string url :
       {"postgresql://user:hunter2@127.0.0.1:1/db", "postgresql://user:hunter2@[:broken"}) {
    std::string told;
    const auto opened = PostgresConnection::open(
        {.url = url, .tell = [&](std::string_view what) { told += what; }});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::store_unavailable);
    EXPECT_FALSE(told.empty());
    EXPECT_FALSE(told.contains("hunter2")) << told;
    EXPECT_FALSE(opened.error().detail.contains("hunter2"));
    EXPECT_FALSE(opened.error().detail.contains("127.0.0.1"));
  }
}

}  // namespace
}  // namespace rocket
