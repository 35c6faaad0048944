#include "batch/block_desk.h"

#include <algorithm>
#include <utility>

namespace rocket {

BlockDesk::BlockDesk(const BatchSurroundings& around)
    : around_(around), tasks_(around.loop.io.timers.run_queue()) {}

Task<Result<std::vector<StoredBatch>>> BlockDesk::batches() {
  auto ask = [](Store& store) { return store.batches_at_work(to_string(LineEngine::ray)); };
  auto found = co_await around_.stores.look(std::move(ask));
  co_return found;
}

Task<Result<std::shared_ptr<DeskBatch>>> BlockDesk::open(std::string id) {
  auto at_work = co_await batches();
  if (!at_work) co_return std::unexpected(std::move(at_work.error()));
  const auto found = std::ranges::find_if(*at_work, [&](const StoredBatch& batch) {
    return batch.id == id && batch.status == BatchStatus::in_progress;
  });
  if (found == at_work->end()) {
    co_return fail(ErrorCode::batch_not_found,
                   "no batch of that id is in progress, or its engine is not ray");
  }
  if (stopping_) co_return fail(ErrorCode::draining);
  std::shared_ptr<DeskBatch>& batch = open_[id];
  if (!batch) batch = std::make_shared<DeskBatch>(around_, std::move(*found));
  const std::shared_ptr<DeskBatch> opened = batch;
  if (tasks_.size() == 0) tasks_.spawn(forget_idle());
  const bool good = co_await opened->opened();
  if (good) co_return opened;
  open_.erase(id);
  co_return fail(ErrorCode::file_not_found, "the batch's file can not be read");
}

// As long as there is something to forget.
Task<void> BlockDesk::forget_idle() {
  Timers& timers = around_.loop.io.timers;
  while (!open_.empty()) {
    co_await SleepUntil(timers, timers.now() + idle_max / 2);
    std::erase_if(open_, [&](const auto& each) {
      const auto& [id, batch] = each;
      return batch.use_count() == 1 && batch->idle() && timers.now() - batch->used_at() > idle_max;
    });
  }
}

void BlockDesk::stop() {
  stopping_ = true;
  for (const auto& [id, batch] : open_)
    batch->stop();
}

Task<void> BlockDesk::drain(TimePoint deadline) {
  constexpr Duration look_again = std::chrono::milliseconds(20);
  stop();
  Timers& timers = around_.loop.io.timers;
  const auto all_idle = [&] {
    return std::ranges::all_of(open_, [](const auto& each) { return each.second->idle(); });
  };
  while (!all_idle() && timers.now() < deadline) {
    co_await SleepUntil(timers, timers.now() + look_again);
  }
}

}  // namespace rocket
