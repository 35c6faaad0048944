#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace rocket {

// A thread for what blocks: runs what is posted, in order. It is started by the first post, so
// that whoever needs none pays for none.
class WorkThread {
 public:
  using Job = std::move_only_function<void()>;

  explicit WorkThread(std::size_t waiting_max = 1024) : waiting_max_(waiting_max) {}
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;
  ~WorkThread() { join(); }

  // Any thread. The job is run and destroyed on this object's thread. False: too many wait, no
  // thread could be started, or join() has been called; nothing was done with the job then.
  [[nodiscard]] bool post(Job&& job);

  // Runs what waits, then ends the thread. Nothing is taken on any more.
  void join();
  // The same, but waits until `deadline` at most. False: what it is at has not come to an end, and
  // may never (a disk that hangs). Neither join() nor the destructor comes back before it has.
  [[nodiscard]] bool join_until(std::chrono::steady_clock::time_point deadline);

 private:
  void run();
  void begin_to_end();

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool ending_ = false;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace rocket
