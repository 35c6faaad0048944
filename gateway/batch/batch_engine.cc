#include "batch/batch_engine.h"

#include <algorithm>
#include <utility>

namespace rocket {

BatchEngine::BatchEngine(const BatchSurroundings& around, std::string holder, IsThere is_there)
    : around_(around),
      holder_(std::move(holder)),
      is_there_(std::move(is_there)),
      look_(timers().run_queue()),
      ended_(timers().run_queue()),
      tasks_(timers().run_queue()) {}

Task<void> BatchEngine::run() {
  while (!draining_) {
    // Who keeps nothing is not woken for it either.
    if (is_there_()) {
      co_await take_leases();
    }
    if (!look_wanted_ && !draining_) {
      co_await Wait(timers(), look_, timers().now() + look_every);
    }
    look_wanted_ = false;
  }
}

void BatchEngine::look() {
  for (const auto& [id, run] : runs_)
    run->look();
  look_wanted_ = true;
  look_.signal_all();
}

// A batch that waits takes no place from those behind it: its models may be away for as long as its
// window is open.
std::uint32_t BatchEngine::room() const {
  const std::size_t most = around_.loop.current->snapshot->config.batch.batches;
  const auto waiting = static_cast<std::size_t>(
      std::ranges::count_if(runs_, [](const auto& each) { return each.second->waits(); }));
  const std::size_t at_work = runs_.size() - waiting;
  const std::size_t in_all = with_waiting * most;
  return static_cast<std::uint32_t>(
      std::min(most - std::min(most, at_work), in_all - std::min(in_all, runs_.size())));
}

// Where no store has been needed yet, looking makes none.
Task<void> BatchEngine::take_leases() {
  const std::uint32_t limit = room();
  if (limit == 0) co_return;
  const auto since = timers().wall_now().time_since_epoch();
  const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  constexpr auto lease =
      std::chrono::duration_cast<std::chrono::milliseconds>(BatchRun::lease).count();
  // Those that are being worked on are not given again before their leases have run out.
  auto take = [holder = holder_, now, limit](Store& store) {
    return store.take_leases(holder, now, now + lease, limit);
  };
  auto taken = co_await around_.stores.look(std::move(take));
  if (!taken) {
    if (!std::exchange(trouble_told_, true)) {
      around_.log.warn("batches wait for the store", {{"detail", taken.error().detail}});
    }
    co_return;
  }
  trouble_told_ = false;
  for (StoredBatch& batch : *taken) {
    std::string id = batch.id;
    if (draining_ || runs_.contains(id)) continue;
    auto run = std::make_unique<BatchRun>(around_, std::move(batch), holder_);
    BatchRun& begun = *run;
    runs_.emplace(std::move(id), std::move(run));
    tasks_.spawn(work_on(begun));
  }
}

std::string BatchEngine::trouble() const {
  for (const auto& [id, run] : runs_) {
    if (!run->trouble().empty()) return run->trouble();
  }
  return {};
}

Task<void> BatchEngine::work_on(BatchRun& run) {
  const std::string id = run.batch().id;
  co_await run.run();
  call_off(run);
  runs_.erase(id);
  ended_.signal_all();
  look();
}

// What it leaves behind has not ended this process. Nobody waits until the store knows.
void BatchEngine::call_off(const BatchRun& run) {
  auto lines = run.unanswered();
  if (!run.ended() && !lines.empty()) tasks_.spawn(unbegin(run.batch().id, std::move(lines)));
}

Task<void> BatchEngine::unbegin(std::string id, std::vector<std::uint32_t> lines) {
  auto ask = [id = std::move(id), lines = std::move(lines)](Store& store) {
    return store.unbegin_lines(id, lines);
  };
  const auto done = co_await around_.stores.call(std::move(ask));
  static_cast<void>(done);
}

Task<void> BatchEngine::drain(TimePoint deadline) {
  draining_ = true;
  look_.signal_all();
  for (const auto& [id, run] : runs_)
    run->stop();
  while (!runs_.empty()) {
    const Wake wake = co_await Wait(timers(), ended_, deadline);
    if (wake == Wake::timed_out) break;
  }
  tasks_.cancel_all();
  for (const auto& [id, run] : runs_)
    call_off(*run);
  runs_.clear();
}

}  // namespace rocket
