#include "batch/store_caller.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "store/open_store.h"
#include "testing/temporary_folder.h"

namespace rocket {
namespace {

class Caller : public testing::Test {
 protected:
  // Runs the loop until the task is done; once.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    TaskGroup group(loop_.run_queue());
    group.spawn(finish(std::move(task), result));
    loop_.run();
    return std::move(*result);
  }

  template <class T>
  Task<void> finish(Task<T> task, std::optional<T>& result) {
    auto value = co_await std::move(task);
    result.emplace(std::move(value));
    loop_.stop();
  }

  TemporaryFolder folder_;
  EpollLoop loop_;
  WorkThread work_thread_{2};
  StoreThread store_thread_{[place = StorePlace{.folder = folder_.file("store")}](
                                StoreThread::Need need) { return open_store(place, need); }};
  WorkCaller work_{loop_};
  StoreCaller store_{store_thread_, work_};
};

TEST_F(Caller, ResumesOnItsOwnLoop) {
  const auto here = std::this_thread::get_id();
  auto ask = [here](Store& store) -> Result<std::uint64_t> {
    EXPECT_NE(std::this_thread::get_id(), here);
    return store.file_bytes(1);
  };
  const auto bytes = run(store_.call(ask));
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes, 0U);
}

TEST_F(Caller, LookingWhereNothingIsFindsNothing) {
  auto list = [](Store& store) { return store.list_files("", {}); };
  const auto listed = run(store_.look(list));
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->items.empty());
  EXPECT_FALSE(std::filesystem::exists(folder_.file("store")));
}

TEST_F(Caller, WhoIsDestroyedMeanwhileIsNotResumed) {
  std::latch begun(1);
  std::latch go_on(1);
  auto asked = std::make_shared<std::string>("owned by what asks");  // not const: it moves
  bool resumed = false;
  const auto wait_for_it = [](const StoreCaller& store, auto question,
                              bool& resumed_too) -> Task<void> {
    const auto answer = co_await store.call(std::move(question));
    resumed_too = answer.has_value();
  };
  TaskGroup group(loop_.run_queue());
  auto ask = [&begun, &go_on, asked](Store& store) -> Result<std::uint64_t> {
    begun.count_down();
    go_on.wait();
    EXPECT_FALSE(asked->empty());
    return store.file_bytes(1);
  };
  group.spawn(wait_for_it(store_, std::move(ask), resumed));
  begun.wait();
  group.cancel_all();
  go_on.count_down();
  // Behind it in line: its answer comes later than that of the one who has gone.
  auto count = [](Store& store) { return store.file_bytes(1); };
  EXPECT_TRUE(run(store_.call(count)));
  EXPECT_FALSE(resumed);
  store_thread_.join();
  EXPECT_EQ(asked.use_count(), 1) << "what asked is gone as well";
}

TEST_F(Caller, AThreadThatTakesOnNoMoreIsOverloaded) {
  std::latch go_on(1);
  std::latch begun(1);
  ASSERT_TRUE(work_thread_.post([&] {
    begun.count_down();
    go_on.wait();
  }));
  begun.wait();
  ASSERT_TRUE(work_thread_.post([] {}));
  ASSERT_TRUE(work_thread_.post([] {}));
  auto work = []() -> Result<int> { return 1; };
  const auto refused = run(work_.call(work_thread_, work));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::overloaded);
  go_on.count_down();
  work_thread_.join();
}

TEST_F(Caller, AStoreThatCanNotBeOpenedIsTheAnswer) {
  StoreThread broken([](StoreThread::Need) -> Result<std::unique_ptr<Store>> {
    return fail(ErrorCode::store_unavailable, "why");
  });
  const StoreCaller store(broken, work_);
  auto ask = [](Store& one) { return one.file_bytes(1); };
  const auto refused = run(store.call(ask));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "why");
  broken.join();
}

}  // namespace
}  // namespace rocket
