#include "store/work_thread.h"

#include <system_error>
#include <utility>

namespace rocket {

bool WorkThread::post(Job&& job) {
  const std::lock_guard lock(mutex_);
  if (ending_ || waiting_.size() >= waiting_max_) return false;
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
      return false;
    }
  }
  waiting_.push_back(std::move(job));
  changed_.notify_one();
  return true;
}

void WorkThread::begin_to_end() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  changed_.notify_all();
}

void WorkThread::join() {
  begin_to_end();
  if (thread_.joinable()) thread_.join();
}

bool WorkThread::join_until(std::chrono::steady_clock::time_point deadline) {
  begin_to_end();
  if (!thread_.joinable()) return true;
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline, [this] { return ended_; })) return false;
  }
  thread_.join();
  return true;
}

void WorkThread::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) {
      ended_ = true;
      changed_.notify_all();
      return;
    }
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job();
  }
}

}  // namespace rocket
