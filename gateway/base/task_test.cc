#include "base/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace rocket {
namespace {

// Suspends until the slot is signalled.
class Signal {
 public:
  explicit Signal(WaitSlot& slot) : slot_(slot) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    waiter_.handle = awaiting;
    slot_.park(waiter_);
  }
  void await_resume() const noexcept {}

 private:
  WaitSlot& slot_;
  Waiter waiter_;
};

// Writes "+name" when it is made and "-name" when it goes.
class Trace {
 public:
  Trace(std::string& log, char name) : log_(log), name_(name) { log_ += {'+', name_}; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  ~Trace() { log_ += {'-', name_}; }

 private:
  std::string& log_;
  char name_;
};

class Tasks : public testing::Test {
 protected:
  RunQueue queue_;
  WaitSlot slot_{queue_};
  WaitSlot other_{queue_};
  std::string log_;
};

Task<int> number(int value) {
  co_return value;
}

Task<int> sum(int count) {
  int total = 0;
  for (int i = 1; i <= count; ++i) {
    const int value = co_await number(i);
    total += value;
  }
  co_return total;
}

Task<> inner(WaitSlot& slot, std::string& log) {
  const Trace trace(log, 'i');
  co_await Signal(slot);
  log += "done";
}

Task<> outer(WaitSlot& slot, std::string& log) {
  const Trace trace(log, 'o');
  co_await inner(slot, log);
}

Task<> store(Task<std::unique_ptr<int>> task, int& out) {
  const std::unique_ptr<int> value = co_await std::move(task);
  out = *value;
}

Task<> store_sum(int count, int& out) {
  const int value = co_await sum(count);
  out = value;
}

Task<std::unique_ptr<int>> owned(int value) {
  co_return std::make_unique<int>(value);
}

TEST_F(Tasks, hand_their_value_to_the_awaiter) {
  TaskGroup group(queue_);
  int out = 0;
  group.spawn(store_sum(100, out));
  EXPECT_EQ(out, 5050);
  group.spawn(store(owned(7), out));
  EXPECT_EQ(out, 7);
}

// A stream that is always ready is read by tasks that never suspend.
TEST_F(Tasks, that_are_done_at_once_need_no_stack) {
  constexpr int tasks = 60'000;
  TaskGroup group(queue_);
  int out = 0;
  group.spawn(store_sum(tasks, out));
  EXPECT_EQ(out, tasks / 2 * (tasks + 1));
}

TEST_F(Tasks, do_not_start_before_they_are_awaited) {
  {
    const Task<> unstarted = outer(slot_, log_);
  }
  EXPECT_EQ(log_, "");
}

TEST_F(Tasks, go_on_when_signalled) {
  TaskGroup group(queue_);
  group.spawn(outer(slot_, log_));
  EXPECT_EQ(log_, "+o+i");
  slot_.signal_one();
  EXPECT_EQ(log_, "+o+i");
  queue_.drain();
  EXPECT_EQ(log_, "+o+idone-i-o");
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(Tasks, release_what_they_hold_when_cancelled) {
  {
    TaskGroup group(queue_);
    group.spawn(outer(slot_, log_));
  }
  EXPECT_EQ(log_, "+o+i-i-o");
  EXPECT_FALSE(slot_.occupied());
}

TEST_F(Tasks, are_not_resumed_after_a_signal_and_a_cancellation) {
  {
    TaskGroup group(queue_);
    group.spawn(outer(slot_, log_));
    slot_.signal_one();
  }
  EXPECT_TRUE(queue_.empty());
  queue_.drain();
  EXPECT_EQ(log_, "+o+i-i-o");
}

Task<> replace(Task<>& task, WaitSlot& slot, std::string& log) {
  const bool done = co_await Until(outer(slot, log), slot, true);
  log += done ? "=true" : "=false";
  task = inner(slot, log);
}

TEST_F(Tasks, assignment_destroys_the_old_one) {
  TaskGroup group(queue_);
  int unused = 0;
  Task<> task = store_sum(1, unused);
  group.spawn(replace(task, slot_, log_));
  queue_.drain();
  EXPECT_EQ(log_, "+o+i-i-o=false");
  group.spawn(std::move(task));
  EXPECT_EQ(log_, "+o+i-i-o=false+i");
}

// Until: what happens, in order; what the log says.
struct UntilCase {
  const char* name;
  const char* steps;  // c: the child may go on, s: the slot is signalled, d: drain
  const char* log;
};

class UntilEnds : public testing::TestWithParam<UntilCase> {};

Task<> race(WaitSlot& child, WaitSlot& slot, std::string& log) {
  const bool done = co_await Until(inner(child, log), slot);
  log += done ? "=true" : "=false";
}

TEST_P(UntilEnds, with_the_first) {
  RunQueue queue;
  WaitSlot child(queue);
  WaitSlot slot(queue);
  std::string log;
  TaskGroup group(queue);
  group.spawn(race(child, slot, log));
  for (const char step : std::string_view(GetParam().steps)) {
    if (step == 'c') child.signal_one();
    if (step == 's') slot.signal_one();
    if (step == 'd') queue.drain();
  }
  EXPECT_EQ(log, GetParam().log);
  if (group.size() != 0) return;
  EXPECT_FALSE(child.occupied());
  EXPECT_FALSE(slot.occupied());
  EXPECT_TRUE(queue.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Cases, UntilEnds,
    testing::Values(UntilCase{"neither", "d", "+i"}, UntilCase{"done", "cd", "+idone-i=true"},
                    UntilCase{"signalled", "sd", "+i-i=false"},
                    // In one drain the first queued wins, and the other is never resumed.
                    UntilCase{"done_then_signalled", "csd", "+idone-i=true"},
                    UntilCase{"signalled_then_done", "scd", "+i-i=false"},
                    UntilCase{"signalled_after_the_end", "cdsd", "+idone-i=true"},
                    UntilCase{"done_after_the_end", "sdcd", "+i-i=false"}),
    [](const auto& tested) { return tested.param.name; });

Task<> at_once(std::string& log) {
  log += "ran";
  co_return;
}

Task<> until_at_once(WaitSlot& slot, std::string& log) {
  const bool done = co_await Until(at_once(log), slot);
  log += done ? "=true" : "=false";
}

TEST_F(Tasks, until_a_child_that_never_suspends) {
  TaskGroup group(queue_);
  group.spawn(until_at_once(slot_, log_));
  EXPECT_EQ(log_, "ran=true");
  EXPECT_FALSE(slot_.occupied());
}

Task<> until_already(WaitSlot& child, WaitSlot& slot, std::string& log) {
  const bool at_once_done = co_await Until(at_once(log), slot, true);
  log += at_once_done ? "=true " : "=false ";
  const bool done = co_await Until(inner(child, log), slot, true);
  log += done ? "=true" : "=false";
}

TEST_F(Tasks, until_a_slot_that_was_signalled_before) {
  TaskGroup group(queue_);
  group.spawn(until_already(other_, slot_, log_));
  EXPECT_EQ(log_, "ran=true +i");
  queue_.drain();
  EXPECT_EQ(log_, "ran=true +i-i=false");
  EXPECT_EQ(group.size(), 0U);
  EXPECT_TRUE(queue_.empty());
}

Task<> nested(WaitSlot& child, WaitSlot& near, WaitSlot& far, std::string& log) {
  const bool done = co_await Until(race(child, near, log), far);
  log += done ? "!" : "?";
}

TEST_F(Tasks, until_nests_and_the_outer_signal_ends_all) {
  WaitSlot far(queue_);
  TaskGroup group(queue_);
  group.spawn(nested(slot_, other_, far, log_));
  other_.signal_one();
  far.signal_one();  // the inner one is told first and goes on first
  queue_.drain();
  EXPECT_EQ(log_, "+i-i=false!");

  log_.clear();
  group.spawn(nested(slot_, other_, far, log_));
  far.signal_one();
  other_.signal_one();
  queue_.drain();
  EXPECT_EQ(log_, "+i-i?");
  EXPECT_EQ(group.size(), 0U);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(Tasks, until_cancelled_from_outside) {
  {
    TaskGroup group(queue_);
    group.spawn(race(other_, slot_, log_));
  }
  EXPECT_EQ(log_, "+i-i");
  EXPECT_FALSE(slot_.occupied());
  EXPECT_FALSE(other_.occupied());
}

Task<> wait_emptied(TaskGroup& group, std::string& log) {
  co_await Signal(group.emptied());
  log += "empty";
}

TEST_F(Tasks, a_group_tells_when_its_last_task_has_left) {
  TaskGroup watchers(queue_);
  TaskGroup group(queue_);
  group.spawn(outer(slot_, log_));
  group.spawn(outer(slot_, log_));
  watchers.spawn(wait_emptied(group, log_));
  log_.clear();
  slot_.signal_one();
  queue_.drain();
  EXPECT_EQ(group.size(), 1U);
  EXPECT_EQ(log_, "done-i-o");
  slot_.signal_one();
  queue_.drain();
  queue_.drain();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(log_, "done-i-odone-i-oempty");
}

TEST_F(Tasks, cancel_all_leaves_the_group_usable) {
  TaskGroup group(queue_);
  group.spawn(outer(slot_, log_));
  group.spawn(outer(other_, log_));
  group.cancel_all();
  EXPECT_EQ(log_, "+o+i+o+i-i-o-i-o");  // the oldest first
  EXPECT_EQ(group.size(), 0U);
  group.spawn(at_once(log_));
  group.spawn(outer(slot_, log_));
  EXPECT_EQ(group.size(), 1U);
}

Task<> breed(TaskGroup& group, WaitSlot& slot, std::string& log, int left) {
  if (left > 0) group.spawn(breed(group, slot, log, left - 1));
  co_await Signal(slot);
  log += static_cast<char>('0' + left);
}

TEST_F(Tasks, a_task_may_spawn_into_its_own_group) {
  TaskGroup group(queue_);
  group.spawn(breed(group, slot_, log_, 3));
  EXPECT_EQ(group.size(), 4U);
  slot_.signal_all();
  queue_.drain();
  EXPECT_EQ(log_, "0123");
  EXPECT_EQ(group.size(), 0U);
}

}  // namespace
}  // namespace rocket
