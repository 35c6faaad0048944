#include "store/postgres_connection.h"

#include <gtest/gtest.h>

#include <string>

#include "store/open_store.h"
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
