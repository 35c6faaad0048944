#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.h"
#include "store/store.h"
#include "store/work_thread.h"

namespace rocket {

// The one thread that owns the Store: everything that is asked of it is posted here and done in
// order. The store is opened by the first who needs it, and anew once it has been lost.
class StoreThread {
 public:
  // Somebody who only looks does not want a store made where nobody has needed one yet.
  enum class Need : unsigned char { look, make };
  // Opens the store, on this thread. Null: there is none yet, and it was not to be made.
  using Open = std::function<Result<std::unique_ptr<Store>>(Need need)>;
  // Gets the store, null (with `look`: there is none yet), or why it can not be had.
  using Job = std::move_only_function<void(Result<Store*> store)>;

  explicit StoreThread(Open open) : open_(std::move(open)) {}

  // Any thread. False, and nothing done with the job: too many wait, or join() has been called.
  [[nodiscard]] bool post(Need need, Job&& job);

  // Does what waits, closes the store and ends the thread.
  void join();
  // False: it was not done by then, see WorkThread.
  [[nodiscard]] bool join_until(std::chrono::steady_clock::time_point deadline);

 private:
  [[nodiscard]] Result<Store*> store_for(Need need, std::uint64_t ticket);

  const Open open_;
  std::unique_ptr<Store> store_;
  // Opening may take its time to fail. Who has come meanwhile is told the same, instead of each
  // waiting for the next failure.
  std::atomic<std::uint64_t> tickets_ = 0;
  std::uint64_t failed_until_ = 0;
  std::optional<Error> failure_;
  WorkThread thread_;  // last: it ends before what it uses
};

}  // namespace rocket
