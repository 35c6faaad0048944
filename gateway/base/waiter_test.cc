#include "base/waiter.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rocket {
namespace {

// A coroutine that runs `body` each time it is resumed, so that a bare Waiter has something to
// wake.
class Resumable {
 public:
  struct promise_type {
    Resumable get_return_object() {
      return Resumable(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void unhandled_exception() const noexcept { std::terminate(); }
    void return_void() const noexcept {}
  };

  explicit Resumable(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Resumable(const Resumable&) = delete;
  Resumable& operator=(const Resumable&) = delete;
  ~Resumable() { handle_.destroy(); }

  [[nodiscard]] std::coroutine_handle<> handle() const { return handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

Resumable repeat(std::function<void()> body) {
  while (true) {
    body();
    co_await std::suspend_always();
  }
}

// A waiter that calls a function when it is resumed.
class Sleeper {
 public:
  explicit Sleeper(std::function<void()> woken) : coroutine_(repeat(std::move(woken))) {
    waiter.handle = coroutine_.handle();
  }

  Waiter waiter;

 private:
  Resumable coroutine_;
};

// Three sleepers that write their names when they wake.
class Waking : public testing::Test {
 protected:
  RunQueue queue_;
  WaitSlot slot_{queue_};
  std::string woken_;
  std::unique_ptr<Sleeper> a_ = std::make_unique<Sleeper>([this] { woken_ += 'a'; });
  std::unique_ptr<Sleeper> b_ = std::make_unique<Sleeper>([this] { woken_ += 'b'; });
  std::unique_ptr<Sleeper> c_ = std::make_unique<Sleeper>([this] { woken_ += 'c'; });

  void park_all() {
    for (Sleeper* sleeper : {a_.get(), b_.get(), c_.get()})
      slot_.park(sleeper->waiter);
  }
};

TEST_F(Waking, a_signal_resumes_nobody_by_itself) {
  park_all();
  slot_.signal_all();
  EXPECT_EQ(woken_, "");
  queue_.drain();
  EXPECT_EQ(woken_, "abc");
  EXPECT_TRUE(queue_.empty());
}

TEST_F(Waking, signal_one_wakes_in_the_order_of_arrival) {
  park_all();
  for (const char* expected : {"a", "ab", "abc", "abc"}) {
    slot_.signal_one();
    queue_.drain();
    EXPECT_EQ(woken_, expected);
  }
}

TEST_F(Waking, a_signal_to_an_empty_slot_is_lost) {
  slot_.signal_one();
  slot_.signal_all();
  park_all();
  queue_.drain();
  EXPECT_EQ(woken_, "");
  EXPECT_TRUE(slot_.occupied());
}

TEST_F(Waking, a_destroyed_waiter_leaves_its_slot) {
  park_all();
  b_.reset();
  slot_.signal_all();
  queue_.drain();
  EXPECT_EQ(woken_, "ac");
}

TEST_F(Waking, a_destroyed_waiter_leaves_the_queue) {
  park_all();
  slot_.signal_all();
  a_.reset();
  c_.reset();
  queue_.drain();
  EXPECT_EQ(woken_, "b");
}

TEST_F(Waking, a_slot_may_go_before_its_waiters) {
  auto slot = std::make_unique<WaitSlot>(queue_);
  slot->park(a_->waiter);
  slot->park(b_->waiter);
  slot.reset();
  a_.reset();
  slot_.park(b_->waiter);
  slot_.signal_one();
  queue_.drain();
  EXPECT_EQ(woken_, "b");
}

TEST_F(Waking, a_waiter_moves_between_slots) {
  WaitSlot other(queue_);
  slot_.park(a_->waiter);
  other.park(a_->waiter);
  EXPECT_FALSE(slot_.occupied());
  EXPECT_TRUE(other.occupied());
}

TEST_F(Waking, what_a_resumed_one_queues_waits_for_the_next_drain) {
  int turns = 0;
  Waiter* self = nullptr;
  Sleeper endless([&] {
    ++turns;
    queue_.push(*self, Wake::signalled);
  });
  self = &endless.waiter;
  queue_.push(endless.waiter, Wake::signalled);
  queue_.push(a_->waiter, Wake::signalled);
  queue_.drain();
  EXPECT_EQ(turns, 1);
  EXPECT_EQ(woken_, "a");
  EXPECT_FALSE(queue_.empty());
  queue_.drain();
  EXPECT_EQ(turns, 2);
}

TEST_F(Waking, a_resumed_one_may_destroy_others_of_the_same_drain) {
  Sleeper killer([&] { b_.reset(); });
  queue_.push(killer.waiter, Wake::signalled);
  park_all();
  slot_.signal_all();
  queue_.drain();
  EXPECT_EQ(woken_, "ac");
}

TEST_F(Waking, a_resumed_one_may_park_again) {
  Waiter* self = nullptr;
  int turns = 0;
  Sleeper again([&] {
    ++turns;
    slot_.park(*self);
  });
  self = &again.waiter;
  slot_.park(again.waiter);
  slot_.signal_all();  // ends, although the waiter will park in the same slot
  queue_.drain();
  queue_.drain();
  EXPECT_EQ(turns, 1);
  EXPECT_TRUE(slot_.occupied());
}

}  // namespace
}  // namespace rocket
