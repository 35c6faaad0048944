#include "store/store_thread.h"

#include <utility>

namespace rocket {

bool StoreThread::post(Need need, Job&& job) {
  const std::uint64_t ticket = tickets_.fetch_add(1, std::memory_order_relaxed);
  return thread_.post([this, need, ticket, job = std::move(job)]() mutable {
    job(store_for(need, ticket));
    if (store_ && store_->lost()) store_.reset();
  });
}

void StoreThread::join() {
  static_cast<void>(thread_.post([this] { store_.reset(); }));
  thread_.join();
}

bool StoreThread::join_until(std::chrono::steady_clock::time_point deadline) {
  static_cast<void>(thread_.post([this] { store_.reset(); }));
  return thread_.join_until(deadline);
}

Result<Store*> StoreThread::store_for(Need need, std::uint64_t ticket) {
  if (store_) return store_.get();
  if (failure_ && ticket < failed_until_) return std::unexpected(*failure_);
  auto opened = open_(need);
  if (!opened) {
    failure_ = opened.error();
    failed_until_ = tickets_.load(std::memory_order_relaxed);
    return std::unexpected(std::move(opened.error()));
  }
  failure_.reset();
  store_ = *std::move(opened);
  return store_.get();
}

}  // namespace rocket
