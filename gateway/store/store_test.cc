#include "store/store.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "store/sql_schema.h"
#include "testing/any_store.h"

namespace rocket {
namespace {

INSTANTIATE_TEST_SUITE_P(, AnyStore, testing::Values("sqlite", "postgres", "memory"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(AnyStore, KeepsFilesAsTheyAre) {
  StoredFile first = file("1");
  first.expires_at = 1'700'000'100;
  ASSERT_TRUE(store_->add_file(first));
  open();
  const auto found = store_->find_file("a", "file-1");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, first);
  EXPECT_FALSE(store_->add_file(first)) << "an id is there once";
  EXPECT_EQ(listed({}), Ids{"file-1"});
}

TEST_P(AnyStore, AnOwnerSeesHisOwnAlone) {
  ASSERT_TRUE(store_->add_file(file("1", "a")));
  ASSERT_TRUE(store_->add_file(file("2", "")));
  StoredBatch his = batch("1", "a");
  his.input_file_id = "file-none";
  ASSERT_TRUE(store_->add_batch(his));
  for (const std::string owner : {"", "b", "A", "a "}) {
    const auto file = store_->find_file(owner, "file-1");
    ASSERT_TRUE(file);
    EXPECT_FALSE(*file) << owner;
    const auto batch = store_->find_batch(owner, "batch_1");
    ASSERT_TRUE(batch);
    EXPECT_FALSE(*batch) << owner;
    EXPECT_EQ(listed({}, owner), owner.empty() ? Ids{"file-2"} : Ids{});
    const auto batches = store_->list_batches(owner, {});
    ASSERT_TRUE(batches);
    EXPECT_TRUE(batches->items.empty()) << owner;
    EXPECT_FALSE(store_->expire_file(owner, "file-1", 0).value()) << owner;
    EXPECT_FALSE(store_->remove_file(owner, "file-1").value()) << owner;
    const auto after = store_->list_files(owner, {.after = "file-1"});
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().code, ErrorCode::invalid_field);
  }
  EXPECT_TRUE(store_->remove_file("a", "file-1").value());
  EXPECT_FALSE(store_->remove_file("a", "file-1").value());
  EXPECT_EQ(listed({}), Ids{});
}

TEST_P(AnyStore, PagesGoOnWhereTheLastOneEnded) {
  for (const char* const id : {"e", "b", "d", "a", "c"}) {
    StoredFile one = file(id);
    if (*id == 'd') one.purpose = "vision";
    ASSERT_TRUE(store_->add_file(one));
  }
  // In the order in which they came, whatever their ids and times.
  EXPECT_EQ(listed({.limit = 2}), (Ids{"file-c", "file-a", "..."}));
  EXPECT_EQ(listed({.after = "file-a", .limit = 2}), (Ids{"file-d", "file-b", "..."}));
  EXPECT_EQ(listed({.after = "file-b", .limit = 2}), (Ids{"file-e"}));
  EXPECT_EQ(listed({.after = "file-e", .limit = 2}), Ids{});
  EXPECT_EQ(listed({.limit = 3, .oldest_first = true}), (Ids{"file-e", "file-b", "file-d", "..."}));
  EXPECT_EQ(listed({.after = "file-d", .limit = 2, .oldest_first = true}),
            (Ids{"file-a", "file-c"}));
  EXPECT_EQ(listed({.purpose = "vision"}), Ids{"file-d"});
  EXPECT_EQ(listed({.after = "file-d", .limit = 1, .purpose = "batch"}), (Ids{"file-b", "..."}));
  const auto nowhere = store_->list_files("a", {.after = "file-z' OR '1'='1"});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::invalid_field);
  EXPECT_TRUE(nowhere.error().detail.contains("`after`"));
}

TEST_P(AnyStore, FilesExpireAndAreCounted) {
  EXPECT_EQ(store_->file_bytes(4096).value(), 0U);
  for (const auto& [id, expiry] : {std::pair{"1", 0}, {"2", 300}, {"3", 100}, {"4", 200}}) {
    StoredFile one = file(id, id);
    one.expires_at = expiry;
    one.bytes = *id == '1' ? 5000 : 1;
    ASSERT_TRUE(store_->add_file(one));
  }
  EXPECT_EQ(store_->file_bytes(4096).value(), 5000U + 3 * 4096U);
  const auto ids = [&](std::int64_t now, std::uint32_t limit) {
    const auto expired = store_->expired_files(now, limit).value();
    Ids found;
    for (const StoredFile& one : expired)
      found.push_back(one.id);
    return found;
  };
  EXPECT_EQ(ids(99, 10), Ids{});
  EXPECT_EQ(ids(200, 10), (Ids{"file-3", "file-4"}));
  EXPECT_EQ(ids(1000, 2), (Ids{"file-3", "file-4"}));
  std::vector<std::string> asked{"file-4", "file-9", "file-1"};
  for (int i = 0; i < 250; ++i)
    asked.push_back("file-x" + std::to_string(i));
  auto known = store_->known_files(asked).value();
  std::ranges::sort(known);
  EXPECT_EQ(known, (Ids{"file-1", "file-4"}));
}

TEST_P(AnyStore, AFileIsKeptUntilNoBatchReadsItAnyMore) {
  ASSERT_TRUE(store_->add_file(file("1")));
  StoredBatch reader = batch("1");
  ASSERT_TRUE(store_->add_batch(reader));
  EXPECT_TRUE(store_->expire_file("a", "file-1", 500).value());
  EXPECT_FALSE(store_->expire_file("a", "file-1", 500).value()) << "it is gone";
  EXPECT_EQ(listed({.now = 500}), Ids{});
  EXPECT_EQ(listed({}), Ids{"file-1"});
  for (const BatchStatus status :
       {BatchStatus::in_progress, BatchStatus::finalizing, BatchStatus::completed}) {
    EXPECT_TRUE(store_->is_read("file-1").value());
    EXPECT_FALSE(store_->remove_file("a", "file-1").value());
    EXPECT_TRUE(store_->expired_files(500, 10).value().empty());
    const BatchStatus before = std::exchange(reader.status, status);
    ASSERT_TRUE(store_->update_batch(reader, before).value());
  }
  EXPECT_FALSE(store_->is_read("file-1").value());
  EXPECT_EQ(store_->expired_files(500, 10).value().size(), 1U);
  EXPECT_TRUE(store_->remove_file("a", "file-1").value());
}

TEST_P(AnyStore, KeepsBatchesAndChangesThemOnce) {
  StoredBatch one = batch("1");
  ASSERT_TRUE(store_->add_batch(one));
  EXPECT_EQ(found("1"), one);
  one.status = BatchStatus::in_progress;
  one.in_progress_at = 1'700'000'001;
  one.output_file_id = "file-out";
  one.errors = R"([{"line":1}])";
  EXPECT_TRUE(store_->update_batch(one, BatchStatus::validating).value());
  open();
  EXPECT_EQ(found("1"), one);
  // Somebody else thought that it was still validating.
  StoredBatch late = one;
  late.status = BatchStatus::failed;
  EXPECT_FALSE(store_->update_batch(late, BatchStatus::validating).value());
  EXPECT_EQ(found("1"), one);
  late.id = "batch_none";
  EXPECT_FALSE(store_->update_batch(late, BatchStatus::in_progress).value());
  for (const BatchStatus status :
       {BatchStatus::failed, BatchStatus::finalizing, BatchStatus::completed, BatchStatus::expired,
        BatchStatus::cancelling, BatchStatus::cancelled}) {
    const BatchStatus before = one.status;
    one.status = status;
    EXPECT_TRUE(store_->update_batch(one, before).value());
    EXPECT_EQ(found("1"), one);
  }
}

TEST_P(AnyStore, CountsTheBatchesOfAnOwnerThatHaveNotEnded) {
  EXPECT_EQ(store_->unfinished_batches("a").value(), 0U);
  StoredBatch one = batch("1");
  ASSERT_TRUE(store_->add_batch(one));
  ASSERT_TRUE(store_->add_batch(batch("2")));
  ASSERT_TRUE(store_->add_batch(batch("3", "b")));
  for (const BatchStatus status :
       {BatchStatus::in_progress, BatchStatus::finalizing, BatchStatus::cancelling}) {
    const BatchStatus before = std::exchange(one.status, status);
    ASSERT_TRUE(store_->update_batch(one, before).value());
    EXPECT_EQ(store_->unfinished_batches("a").value(), 2U);
  }
  one.status = BatchStatus::cancelled;
  ASSERT_TRUE(store_->update_batch(one, BatchStatus::cancelling).value());
  EXPECT_EQ(store_->unfinished_batches("a").value(), 1U);
  EXPECT_EQ(store_->unfinished_batches("b").value(), 1U);
  EXPECT_EQ(store_->unfinished_batches("").value(), 0U);
}

TEST_P(AnyStore, BatchesAreRemovedSomeTimeAfterTheirEnd) {
  constexpr std::int64_t end = 1'700'000'100;
  const std::pair<BatchStatus, std::int64_t StoredBatch::*> ends[] = {
      {BatchStatus::failed, &StoredBatch::failed_at},
      {BatchStatus::completed, &StoredBatch::completed_at},
      {BatchStatus::expired, &StoredBatch::expired_at},
      {BatchStatus::cancelled, &StoredBatch::cancelled_at}};
  int number = 0;
  for (const auto& [status, time] : ends) {
    ++number;
    StoredBatch one = batch(std::to_string(number), "owner-" + std::to_string(number));
    ASSERT_TRUE(store_->add_batch(one));
    const std::vector<LineResult> results{answer(0)};
    EXPECT_EQ(store_->finish_lines(one.id, results).value(), 1U);
    one.status = status;
    one.*time = end;
    ASSERT_TRUE(store_->update_batch(one, BatchStatus::validating).value());
  }
  ASSERT_TRUE(store_->add_batch(batch("5")));
  EXPECT_EQ(store_->remove_ended_batches(end, 10).value(), 0U);
  EXPECT_EQ(store_->remove_ended_batches(end + 1, 3).value(), 3U);
  EXPECT_FALSE(store_->find_batch("owner-3", "batch_3").value());
  EXPECT_TRUE(store_->find_batch("owner-4", "batch_4").value()) << "the oldest first";
  EXPECT_EQ(store_->remove_ended_batches(end + 1, 3).value(), 1U);
  EXPECT_EQ(store_->remove_ended_batches(end + 1, 3).value(), 0U);
  open();
  EXPECT_EQ(found("5"), batch("5")) << "it is not done";
  EXPECT_EQ(store_->finished_lines("batch_1").error().code, ErrorCode::batch_not_found);
}

TEST_P(AnyStore, ALeaseIsTakenOverOnceItHasRunOut) {
  for (const char* const id : {"1", "2", "3"})
    ASSERT_TRUE(store_->add_batch(batch(id)));
  EXPECT_EQ(leased("x", 1000, 2000, 2), (Ids{"batch_1", "batch_2"}));
  EXPECT_EQ(leased("y", 1000, 2000), Ids{"batch_3"});
  EXPECT_EQ(leased("y", 1999, 3000), Ids{});
  EXPECT_TRUE(store_->extend_lease("batch_1", "x", 5000).value());
  EXPECT_FALSE(store_->extend_lease("batch_3", "x", 5000).value());
  EXPECT_EQ(leased("y", 2000, 9000), (Ids{"batch_2", "batch_3"}));
  EXPECT_FALSE(store_->extend_lease("batch_2", "x", 5000).value()) << "it is another's by now";
  // Whoever has lost it can not give it away.
  ASSERT_TRUE(store_->give_lease("batch_2", "x"));
  EXPECT_EQ(leased("z", 4999, 9000), Ids{});
  ASSERT_TRUE(store_->give_lease("batch_2", "y"));
  EXPECT_EQ(leased("z", 4999, 9000), Ids{"batch_2"});
  // What has ended is nobody's work, and a lease does not show.
  StoredBatch ended = found("1");
  ended.status = BatchStatus::failed;
  ASSERT_TRUE(store_->update_batch(ended, BatchStatus::validating).value());
  EXPECT_EQ(leased("z", 100'000, 200'000), (Ids{"batch_2", "batch_3"}));
}

TEST_P(AnyStore, ALeaseFromBeforeTheClockWasSetBackHasRunOut) {
  constexpr std::int64_t hour = 3'600'000;
  ASSERT_TRUE(store_->add_batch(batch("1")));
  EXPECT_EQ(leased("x", hour, hour + 5000), Ids{"batch_1"});
  EXPECT_EQ(leased("y", hour - Store::clocks_differ, hour + 5000 - Store::clocks_differ), Ids{});
  EXPECT_EQ(leased("y", 1000, 6000), Ids{"batch_1"});
  EXPECT_EQ(leased("z", 1000, 6000), Ids{});
}

TEST_P(AnyStore, ABatchHasTheDriverOfOneClusterAtATime) {
  StoredBatch one = batch("1");
  ASSERT_TRUE(store_->add_batch(one));
  EXPECT_FALSE(store_->take_job("batch_1", {"here", 1}, 1000, 6000).value()) << "not in progress";
  one.status = BatchStatus::in_progress;
  ASSERT_TRUE(store_->update_batch(one, BatchStatus::validating).value());
  EXPECT_FALSE(store_->take_job("batch_2", {"here", 1}, 1000, 6000).value()) << "it is not there";
  struct Case {
    const char* name;
    JobDriver driver;
    std::int64_t now;
    bool taken;
  };
  const Case cases[] = {
      {"the first one", {"here", 2}, 1000, true},
      {"again", {"here", 2}, 2000, true},
      {"another cluster's", {"there", 1}, 3000, false},
      {"another cluster's with a higher number", {"there", 9}, 6999, false},
      {"the next one of the same", {"here", 3}, 3000, true},
      {"the one before it", {"here", 2}, 3500, false},
      {"again, and longer", {"here", 3}, 4000, true},
      {"another cluster's, as long as it holds", {"there", 1}, 8999, false},
      {"once it has run out", {"there", 1}, 9000, true},
      {"who has lost it", {"here", 3}, 9500, false},
      {"when that has run out", {"here", 1}, 14'000, true},
      {"from before the clock was set back", {"there", 1}, 14'000 - Store::clocks_differ - 1, true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(store_->take_job("batch_1", c.driver, c.now, c.now + 5000).value(), c.taken)
        << c.name;
    if (!c.taken) continue;
    open();
    EXPECT_EQ(found("1").job_cluster, c.driver.cluster) << c.name;
    EXPECT_EQ(found("1").job_until, c.now + 5000) << c.name;
  }
  // It is for nobody else to say, and nothing of it is left to do when the batch has ended.
  StoredBatch ended = one;
  ended.status = BatchStatus::completed;
  ASSERT_TRUE(store_->update_batch(ended, BatchStatus::in_progress).value());
  EXPECT_EQ(found("1").job_cluster, "there");
  EXPECT_FALSE(store_->take_job("batch_1", {"there", 1}, 100'000, 200'000).value());
}

TEST_P(AnyStore, TablesOfAnEarlierVersionAreBroughtUpToDate) {
  if (in_memory()) GTEST_SKIP() << "it is this process's alone";
  store_.reset();
  {
    // As a Rocket of version 1 has left them.
    const auto connection = connect();
    ASSERT_TRUE(connection->begin(SqlConnection::Access::write));
    for (const char* const name : {"files", "batches", "begun_lines", "line_results"})
      ASSERT_TRUE(connection->run("DROP TABLE rocket_" + std::string(name), {}));
    ASSERT_TRUE(connection->set_schema_version(0));
    ASSERT_TRUE(connection->commit());
    ASSERT_TRUE(migrate(*connection, 1));
    ASSERT_TRUE(connection->begin(SqlConnection::Access::write));
    std::string columns = "id, owner, endpoint, input_file_id, completion_window, metadata, errors";
    columns += ", engine, output_file_id, error_file_id, status, created_at, in_progress_at";
    columns += ", expires_at, finalizing_at, completed_at, failed_at, expired_at, cancelling_at";
    columns += ", cancelled_at, output_expires_after, total, completed";
    const std::string values =
        "'batch_1', 'a', '/v1/embeddings', 'file-1', '24h', 'null', '', 'ray', '', '', "
        "'in_progress', 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 10, 7";
    ASSERT_TRUE(connection->run(
        "INSERT INTO rocket_batches (" + columns + ") VALUES (" + values + ")", {}));
    ASSERT_TRUE(connection->commit());
    EXPECT_FALSE(connection->begin(SqlConnection::Access::read).has_value() &&
                 connection->run("SELECT job_until FROM rocket_batches", {}).has_value());
    connection->roll_back();
  }
  open();
  const StoredBatch kept = found("1");
  EXPECT_EQ(kept.endpoint, "/v1/embeddings");
  EXPECT_EQ(kept.completed, 7U);
  EXPECT_EQ(kept.job_cluster, "");
  EXPECT_EQ(kept.job_until, 0);
  EXPECT_TRUE(store_->take_job("batch_1", {"here", 1}, 1000, 6000).value());
}

TEST_P(AnyStore, TwoGatewaysNeverHaveTheSameLease) {
  if (in_memory()) GTEST_SKIP() << "it is this process's alone";
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(store_->add_batch(batch(std::to_string(i))));
  auto other = open_store(place_, StoreThread::Need::make);
  ASSERT_TRUE(other);
  Ids all;
  for (int i = 0; i < 10; ++i) {
    for (Store* const store : {store_.get(), other->get()}) {
      const auto taken = store->take_leases(store == store_.get() ? "x" : "y", 0, 1000, 3);
      ASSERT_TRUE(taken);
      for (const StoredBatch& batch : *taken)
        all.push_back(batch.id);
    }
  }
  EXPECT_EQ(all.size(), 40U);
  std::ranges::sort(all);
  EXPECT_TRUE(std::ranges::adjacent_find(all) == all.end());
}

// Runs `work` in a process of its own until it is killed; it may write to the descriptor.
template <class Work>
struct Doomed {
  explicit Doomed(Work work) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    process = ::fork();
    if (process == 0) {
      ::close(ends[0]);
      work(ends[1]);
      while (true)
        ::pause();
    }
    ::close(ends[1]);
    said = ends[0];
  }
  ~Doomed() { ::close(said); }

  void kill() const {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }

  pid_t process = -1;
  int said = -1;
};

TEST_P(AnyStore, ATransactionThatWasKilledHasNotHappened) {
  if (in_memory()) GTEST_SKIP() << "it is this process's alone";
  ASSERT_TRUE(store_->add_file(file("1")));
  store_.reset();
  const Doomed victim([this](int out) {
    const auto connection = connect();
    const bool begun = connection->begin(SqlConnection::Access::write).has_value() &&
                       connection->run("DELETE FROM rocket_files", {}).has_value();
    const char sign = begun ? 'y' : 'n';
    static_cast<void>(::write(out, &sign, 1) == 1);
  });
  char sign = 0;
  ASSERT_EQ(::read(victim.said, &sign, 1), 1);
  victim.kill();
  EXPECT_EQ(sign, 'y');
  open();
  EXPECT_EQ(listed({}), Ids{"file-1"});
  EXPECT_TRUE(store_->add_file(file("2")));
}

TEST_P(AnyStore, WhatWasAcknowledgedOutlivesTheKill) {
  if (in_memory()) GTEST_SKIP() << "it is this process's alone";
  store_.reset();
  Random random(7);
  for (int round = 0; round < 3; ++round) {
    const Doomed victim([this, round](int out) {
      const auto store = open_store(place_, StoreThread::Need::make);
      for (unsigned char i = 0; store && i < 200; ++i) {
        const std::string id = std::to_string(round) + "_" + std::to_string(i);
        if (!(*store)->add_file(file(id)) || ::write(out, &i, 1) != 1) break;
      }
    });
    std::vector<unsigned char> acknowledged(1 + random.uniform(60));
    size_t got = 0;
    while (got < acknowledged.size()) {
      const ssize_t some = ::read(victim.said, &acknowledged[got], acknowledged.size() - got);
      ASSERT_GT(some, 0);
      got += static_cast<size_t>(some);
    }
    victim.kill();
    open();
    for (const unsigned char i : acknowledged) {
      const std::string id = std::to_string(round) + "_" + std::to_string(i);
      EXPECT_TRUE(store_->find_file("a", "file-" + id).value()) << id;
    }
    store_.reset();
  }
}

TEST_P(AnyStore, ANewerSchemaIsRefusedAndLeftAlone) {
  if (in_memory()) GTEST_SKIP() << "it is this process's alone";
  ASSERT_TRUE(store_->add_file(file("1")));
  store_.reset();
  const auto set_version = [&](std::int64_t version) {
    const auto connection = connect();
    ASSERT_TRUE(connection->begin(SqlConnection::Access::write));
    ASSERT_TRUE(connection->set_schema_version(version));
    ASSERT_TRUE(connection->commit());
  };
  set_version(1000);
  const auto refused = open_store(place_, StoreThread::Need::make);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::store_unavailable);
  EXPECT_TRUE(refused.error().detail.contains("newer Rocket")) << refused.error().detail;
  set_version(current_schema_version());
  open();
  EXPECT_EQ(listed({}), Ids{"file-1"});
}

// As while gateways are replaced one by one, and when they are put back.
TEST_P(AnyStore, WhatANewerRocketHasAddedIsInNobodysWay) {
  if (in_memory()) GTEST_SKIP() << "it is this process's alone";
  ASSERT_TRUE(store_->add_batch(batch("1")));
  const std::int64_t newer = current_schema_version() + 1;
  {
    const auto connection = connect();
    ASSERT_TRUE(connection->begin(SqlConnection::Access::write));
    for (const char* const table : {"files", "batches", "begun_lines", "line_results"})
      ASSERT_TRUE(connection->run(
          "ALTER TABLE rocket_" + std::string(table) + " ADD COLUMN more TEXT NOT NULL DEFAULT 'x'",
          {}));
    ASSERT_TRUE(connection->run("CREATE TABLE rocket_more (x BIGINT NOT NULL)", {}));
    ASSERT_TRUE(connection->set_schema_version(newer));
    ASSERT_TRUE(connection->commit());
  }
  for (const char* const which : {"one that runs", "one that comes"}) {
    SCOPED_TRACE(which);
    ASSERT_TRUE(store_->add_file(file(which)));
    ASSERT_TRUE(store_->add_batch(batch(which)));
    const std::string id = "batch_" + std::string(which);
    EXPECT_FALSE(store_->take_leases(which, 1000, 6000, 10).value().empty());
    EXPECT_TRUE(store_->extend_lease(id, which, 7000).value());
    const std::vector<std::uint32_t> lines{0, 1};
    EXPECT_TRUE(store_->begin_lines(id, lines, {}));
    const std::vector<LineResult> results{{.line = 0, .error = false, .json = "{}", .tokens = {}}};
    EXPECT_EQ(store_->finish_lines(id, results).value(), 1U);
    EXPECT_EQ(found(which).completed, 1U);
    store_.reset();
    open();
  }
  EXPECT_EQ(connect()->schema_version().value(), newer) << "as it was";
}

TEST_P(AnyStore, ALockIsAnErrorThatPasses) {
  if (in_memory()) GTEST_SKIP() << "it is this process's alone";
  const auto other = connect();
  ASSERT_TRUE(other->begin(SqlConnection::Access::write));
  ASSERT_TRUE(other->run(in_postgres() ? "LOCK TABLE rocket_files IN ACCESS EXCLUSIVE MODE"
                                       : "DELETE FROM rocket_files",
                         {}));
  for (int i = 0; i < 2; ++i) {
    const auto refused = store_->add_file(file("1"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::store_unavailable);
    EXPECT_TRUE(refused.error().detail.contains("locked")) << refused.error().detail;
  }
  other->roll_back();
  EXPECT_TRUE(store_->add_file(file("1"))) << told_;
  EXPECT_EQ(listed({}), Ids{"file-1"});
}

TEST_P(AnyStore, KeepsWhatIsNoText) {
  ASSERT_TRUE(store_->add_batch(batch("1")));
  const std::vector<LineResult> results{
      {.line = 0, .error = false, .json = std::string("a\0b\xff", 4), .tokens = {}}};
  EXPECT_EQ(store_->finish_lines("batch_1", results).value(), 1U);
  EXPECT_EQ(store_->results("batch_1", false, -1, 1).value().size(), 1U);
}

}  // namespace
}  // namespace rocket
