#include "store/store_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "store/open_store.h"
#include "testing/temporary_folder.h"

namespace rocket {
namespace {

using Need = StoreThread::Need;

StoreThread::Open sqlite_in(const TemporaryFolder& folder) {
  return [place = StorePlace{.folder = folder.file("store")}](Need need) {
    return open_store(place, need);
  };
}

TEST(WorkThread, RunsInOrderAndToTheEnd) {
  std::vector<int> done;
  WorkThread thread;
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(thread.post([&done, i] { done.push_back(i); }));
  thread.join();
  ASSERT_EQ(done.size(), 100U);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(done[static_cast<size_t>(i)], i);
  EXPECT_FALSE(thread.post([] { FAIL(); }));
}

TEST(WorkThread, IsNotWaitedForLongerThanIsSaid) {
  using std::chrono::steady_clock;
  std::latch go_on(1);
  int done = 0;
  WorkThread thread;
  ASSERT_TRUE(thread.post([&] { go_on.wait(); }));
  ASSERT_TRUE(thread.post([&] { ++done; }));
  const auto begun = steady_clock::now();
  EXPECT_FALSE(thread.join_until(begun + std::chrono::milliseconds(30)));
  EXPECT_GE(steady_clock::now() - begun, std::chrono::milliseconds(30));
  EXPECT_FALSE(thread.post([&] { ++done; })) << "nothing is taken on any more";
  go_on.count_down();
  EXPECT_TRUE(thread.join_until(steady_clock::now() + std::chrono::seconds(30)));
  EXPECT_EQ(done, 1) << "what waited has been done";
  WorkThread idle;
  EXPECT_TRUE(idle.join_until(steady_clock::now())) << "there is none";
}

TEST(WorkThread, TakesOnSoManyAndNoMore) {
  std::latch begun(1);
  std::latch go_on(1);
  WorkThread thread(2);
  ASSERT_TRUE(thread.post([&] {
    begun.count_down();
    go_on.wait();
  }));
  begun.wait();
  int done = 0;
  EXPECT_TRUE(thread.post([&] { ++done; }));
  EXPECT_TRUE(thread.post([&] { ++done; }));
  EXPECT_FALSE(thread.post([&] { ++done; }));
  go_on.count_down();
  thread.join();
  EXPECT_EQ(done, 2);
}

TEST(StoreThread, LookingMakesNoStore) {
  const TemporaryFolder folder;
  StoreThread thread(sqlite_in(folder));
  const auto listed = [](Result<Store*> store) {
    ASSERT_TRUE(store);
    ASSERT_NE(*store, nullptr);
    EXPECT_EQ((*store)->list_files("", {})->items.size(), 1U);
  };
  ASSERT_TRUE(thread.post(Need::look, [&](Result<Store*> store) {
    ASSERT_TRUE(store);
    EXPECT_EQ(*store, nullptr);
    EXPECT_FALSE(std::filesystem::exists(folder.file("store")));
  }));
  ASSERT_TRUE(thread.post(Need::make, [](Result<Store*> store) {
    ASSERT_TRUE(store);
    EXPECT_TRUE((*store)->add_file({.id = "file-1", .owner = {}, .filename = {}, .purpose = {}}));
  }));
  ASSERT_TRUE(thread.post(Need::look, listed));
  thread.join();
  StoreThread later(sqlite_in(folder));
  ASSERT_TRUE(later.post(Need::look, listed));
  later.join();
}

TEST(StoreThread, WhoComesWhileOpeningFailsIsToldTheSame) {
  std::latch opening(1);
  std::latch go_on(1);
  int opened = 0;
  StoreThread thread([&](Need) -> Result<std::unique_ptr<Store>> {
    if (++opened == 1) {
      opening.count_down();
      go_on.wait();
    }
    return fail(ErrorCode::store_unavailable, std::to_string(opened));
  });
  std::vector<std::string> told;
  const auto note = [&](Result<Store*> store) { told.push_back(store.error().detail); };
  ASSERT_TRUE(thread.post(Need::make, note));
  opening.wait();
  ASSERT_TRUE(thread.post(Need::make, note));
  ASSERT_TRUE(thread.post(Need::make, note));
  std::latch all_told(1);
  go_on.count_down();
  ASSERT_TRUE(thread.post(Need::make, [&](Result<Store*> store) {
    note(std::move(store));
    all_told.count_down();
  }));
  all_told.wait();
  // Nobody waited for the second opening before it was asked for.
  EXPECT_EQ(told.size(), 4U);
  EXPECT_EQ(told[0], "1");
  EXPECT_EQ(told[1], "1");
  EXPECT_EQ(told[2], "1");
  ASSERT_TRUE(thread.post(Need::make, note));
  thread.join();
  EXPECT_EQ(told.back(), std::to_string(opened));
  EXPECT_GE(opened, 2);
}

TEST(StoreThread, OneThatIsLostIsOpenedAnew) {
  const TemporaryFolder folder;
  StoreThread thread(sqlite_in(folder));
  const StoredFile file{.id = "file-1", .owner = {}, .filename = {}, .purpose = {}};
  ASSERT_TRUE(thread.post(Need::make, [&](Result<Store*> store) {
    ASSERT_TRUE(store);
    EXPECT_TRUE((*store)->add_file(file));
    std::filesystem::remove_all(folder.file("store"));
    const auto lost = (*store)->add_file(file);
    ASSERT_FALSE(lost) << "written to where nobody will ever read";
    EXPECT_EQ(lost.error().code, ErrorCode::store_unavailable);
  }));
  ASSERT_TRUE(thread.post(Need::make, [&](Result<Store*> store) {
    ASSERT_TRUE(store);
    EXPECT_TRUE((*store)->add_file(file));
  }));
  thread.join();
  EXPECT_TRUE(std::filesystem::exists(folder.file("store/rocket.db")));
}

TEST(StoreThread, AnyThreadMayAsk) {
  const TemporaryFolder folder;
  StoreThread thread(sqlite_in(folder));
  std::atomic<int> added = 0;
  std::vector<std::thread> askers;
  for (int asker = 0; asker < 4; ++asker) {
    askers.emplace_back([&, asker] {
      for (int i = 0; i < 10; ++i) {
        const std::string id = std::to_string(asker) + '-' + std::to_string(i);
        ASSERT_TRUE(thread.post(Need::make, [&added, id](Result<Store*> store) {
          ASSERT_TRUE(store);
          if ((*store)->add_file({.id = id, .owner = {}, .filename = {}, .purpose = {}})) ++added;
        }));
      }
    });
  }
  for (std::thread& asker : askers)
    asker.join();
  thread.join();
  EXPECT_EQ(added, 40);
}

}  // namespace
}  // namespace rocket
