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

void WorkThread::join() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void WorkThread::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job();
  }
}

}  // namespace rocket
