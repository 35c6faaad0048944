#include "batch/batch_run.h"

#include <algorithm>
#include <utility>

#include "batch/batch_results.h"
#include "batch/line_result.h"
#include "batch/open_input.h"

namespace rocket {
namespace {

constexpr Duration look_again = std::chrono::milliseconds(500);

LineJournal::Settings journal_settings(const BatchSurroundings& around, std::string holder) {
  return {.gather = around.loop.current->snapshot->config.batch.commit,
          .holder = std::move(holder)};
}

std::vector<std::uint32_t> unfinished(const BatchInput& input, const std::vector<bool>& finished) {
  std::vector<std::uint32_t> lines;
  for (std::uint32_t line = 0; line < input.lines.size(); ++line) {
    if (line >= finished.size() || !finished[line]) lines.push_back(line);
  }
  return lines;
}

}  // namespace

BatchRun::BatchRun(const BatchSurroundings& around, StoredBatch batch, std::string holder)
    : around_(around),
      batch_(std::move(batch)),
      holder_(std::move(holder)),
      store_(around, batch_.id),
      metrics_(around.loop.metrics),
      journal_({around.loop.io.timers, around.stores, metrics_}, batch_.id,
               journal_settings(around, holder_)),
      look_(timers().run_queue()),
      interrupted_(timers().run_queue()),
      lost_(timers().run_queue()),
      tasks_(timers().run_queue()) {
  metrics_.show(batch_.status);
}

std::int64_t BatchRun::wall_milliseconds() const {
  const auto since = timers().wall_now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

std::int64_t BatchRun::wall_seconds() const {
  return wall_milliseconds() / 1000;
}

Task<void> BatchRun::run() {
  tasks_.spawn(journal_.run());
  tasks_.spawn(keep_lease());
  tasks_.spawn(watch_expiry());
  const bool worked = co_await Until(work(), lost_, is_lost_);
  tasks_.cancel_all();
  if (!worked) {
    around_.log.warn("a batch has gone to another gateway", {{"batch", batch_.id}});
    co_return;
  }
  auto give = [id = batch_.id, holder = holder_](Store& store) {
    return store.give_lease(id, holder);
  };
  // It runs out by itself where this fails.
  const auto given = co_await around_.stores.call(std::move(give));
  static_cast<void>(given);
}

void BatchRun::stop() {
  stopping_ = true;
  if (lines_) lines_->stop();
}

Task<void> BatchRun::work() {
  while (!ended() && !stopping_) {
    if (batch_.status == BatchStatus::validating) {
      co_await validate();
    } else if (batch_.status == BatchStatus::in_progress) {
      co_await answer_lines();
    } else {
      co_await finish();
    }
  }
  if (!ended()) co_return;
  around_.log.info("a batch has ended", {{"batch", batch_.id},
                                         {"completed", batch_.completed},
                                         {"failed", batch_.failed},
                                         {"total", batch_.total}});
}

Task<void> BatchRun::keep_lease() {
  constexpr auto lease_ms = std::chrono::duration_cast<std::chrono::milliseconds>(lease).count();
  while (true) {
    if (!std::exchange(look_wanted_, false)) {
      co_await Wait(timers(), look_, timers().now() + lease_extended);
      look_wanted_ = false;
    }
    auto extend = [id = batch_.id, owner = batch_.owner, holder = holder_,
                   until = wall_milliseconds() +
                           lease_ms](Store& store) -> Result<std::optional<StoredBatch>> {
      const auto held = store.extend_lease(id, holder, until);
      if (!held) return std::unexpected(held.error());
      if (!*held) return std::optional<StoredBatch>();
      return store.find_batch(owner, id);
    };
    auto found = co_await around_.stores.call(std::move(extend));
    // A store that can not be asked gives the batch to nobody else either.
    if (!found) {
      store_.note_trouble(std::move(found.error()));
      continue;
    }
    store_.forget_trouble();
    if (!*found) {
      is_lost_ = true;
      lost_.signal_all();
      co_return;
    }
    if ((*found)->status == BatchStatus::cancelling && !cancelled_) {
      cancelled_ = true;
      interrupted_.signal_all();
    }
  }
}

// The wall clock decides, which may be set meanwhile.
Task<void> BatchRun::watch_expiry() {
  constexpr Duration look_at_clock = std::chrono::seconds(30);
  while (!expired()) {
    const Duration left = std::chrono::seconds(batch_.expires_at - wall_seconds());
    co_await SleepUntil(timers(), timers().now() + std::min(left, look_at_clock));
  }
  interrupted_.signal_all();
}

Task<void> BatchRun::validate() {
  const bool good = co_await open_input();
  if (!good) co_return;
  StoredBatch next = batch_;
  next.total = input_->lines.size();
  next.status = BatchStatus::in_progress;
  next.in_progress_at = wall_seconds();
  co_await change(std::move(next));
}

// False: there is no good one, and the batch has failed for that, or somebody has changed it.
Task<bool> BatchRun::open_input() {
  if (input_) co_return true;
  auto opened = co_await rocket::open_input(around_, store_, batch_);
  if (opened) {
    input_ = *std::move(opened);
    co_return true;
  }
  co_await fail_with(std::move(opened.error()));
  co_return false;
}

// Its file may have gone after lines of it had been answered: that is kept.
Task<void> BatchRun::fail_with(std::string problems) {
  if (batch_.status == BatchStatus::cancelling) co_return;  // it ends as that
  auto next = co_await with_results();
  if (next.status == BatchStatus::cancelling) co_return;
  next.status = BatchStatus::failed;
  next.failed_at = wall_seconds();
  next.errors = std::move(problems);
  co_await change(std::move(next));
}

Task<void> BatchRun::answer_lines() {
  const bool good = co_await open_input();
  if (!good) co_return;
  if (!expired() && !cancelled_) {
    if (batch_.engine == to_string(LineEngine::ray)) {
      awaits_others_ = true;
      co_await await_others();
      awaits_others_ = false;
    } else {
      co_await ask_unfinished();
    }
  }
  co_await journal_.written();
  if (stopping_) co_return;
  co_await reload();
  if (batch_.status != BatchStatus::in_progress) co_return;
  const auto finished = co_await finished_lines();
  const bool late = expired() && !unfinished(*input_, finished).empty();
  StoredBatch next = batch_;
  next.status = BatchStatus::finalizing;
  next.finalizing_at = wall_seconds();
  if (late) next.expired_at = next.finalizing_at;
  co_await change(std::move(next));
}

Task<std::vector<bool>> BatchRun::finished_lines() {
  auto ask = [id = batch_.id](Store& store) { return store.finished_lines(id); };
  auto finished = co_await store_.insist(std::move(ask));
  co_return finished;
}

Task<void> BatchRun::ask_unfinished() {
  const auto finished = co_await finished_lines();
  auto ask = [id = batch_.id](Store& store) { return store.begun_lines(id); };
  const auto begun = co_await store_.insist(std::move(ask));
  if (stopping_) co_return;
  lines_ = std::make_unique<BatchLines>(around_, batch_, input_,
                                        BatchPlan(input_->lines, finished, begun), journal_);
  const bool done = co_await Until(lines_->run(), interrupted_, cancelled_ || expired());
  if (!done) {
    around_.log.info("a batch asks no more lines",
                     {{"batch", batch_.id}, {"reason", cancelled_ ? "cancelled" : "expired"}});
  }
  unanswered_ = lines_->unanswered();
  lines_.reset();
}

// Gateways that are given blocks of them write what comes of the lines into the store.
Task<void> BatchRun::await_others() {
  while (!stopping_ && !cancelled_ && !expired()) {
    co_await reload();
    const bool all = batch_.completed + batch_.failed >= batch_.total;
    if (all || batch_.status != BatchStatus::in_progress) co_return;
    co_await Wait(timers(), interrupted_, timers().now() + look_again);
  }
}

// Lines that were not answered before it expired or was cancelled have a result as well: that they
// were not.
Task<void> BatchRun::close_unfinished() {
  constexpr std::size_t group_lines = 256;
  const bool good = co_await open_input();
  if (!good) co_return;
  const auto finished = co_await finished_lines();
  const auto lines = unfinished(*input_, finished);
  for (std::size_t at = 0; at < lines.size(); at += group_lines) {
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(group_lines, lines.size() - at);
    std::vector<std::uint32_t> group(begin, begin + static_cast<std::ptrdiff_t>(count));
    co_await close(std::move(group));
  }
}

// They are read one by one: only their names are kept.
Task<void> BatchRun::close(std::vector<std::uint32_t> lines) {
  const bool cancelled = batch_.status == BatchStatus::cancelling;
  auto read = [input = input_, lines = std::move(lines), cancelled,
               batch = batch_]() -> Result<std::vector<LineResult>> {
    std::vector<LineResult> results;
    for (const std::uint32_t line : lines) {
      const auto texts = input->read({&line, 1});
      if (!texts) return std::unexpected(texts.error());
      const AskedLine asked = asked_line(batch, line, texts->front());
      results.push_back(
          cancelled ? unanswered_line(asked, "batch_cancelled",
                                      "The batch was cancelled before this request was executed.")
                    : unanswered_line(asked, "batch_expired",
                                      "This request could not be executed before the completion "
                                      "window expired."));
    }
    return results;
  };
  while (true) {
    auto once = read;
    auto results = co_await around_.work.call(around_.disk, std::move(once));
    if (results) {
      auto ask = [id = batch_.id, results = *std::move(results)](Store& store) {
        return store.finish_lines(id, results);
      };
      co_await store_.insist(std::move(ask));
      co_return;
    }
    co_await store_.wait_out(std::move(results.error()));
  }
}

// Writes what has come of it into files, and ends it.
Task<void> BatchRun::finish() {
  const bool late = batch_.status == BatchStatus::finalizing && batch_.expired_at != 0;
  // One that was cancelled before its lines were counted has none.
  const bool cancelled = batch_.status == BatchStatus::cancelling && batch_.total != 0;
  if (late || cancelled) {
    const BatchStatus status = batch_.status;
    co_await close_unfinished();
    if (batch_.status != status) co_return;
  }
  auto next = co_await with_results();
  if (batch_.status == BatchStatus::cancelling) {
    next.status = BatchStatus::cancelled;
    next.cancelled_at = wall_seconds();
  } else if (batch_.expired_at != 0) {
    next.status = BatchStatus::expired;
  } else {
    next.status = BatchStatus::completed;
    next.completed_at = wall_seconds();
  }
  co_await change(std::move(next));
}

Task<StoredBatch> BatchRun::with_results() {
  co_await reload();
  StoredBatch next = batch_;
  if (batch_.completed != 0 && next.output_file_id.empty()) {
    auto id = co_await written(BatchFiles::Results::answers);
    next.output_file_id = std::move(id);
  }
  if (batch_.failed != 0 && next.error_file_id.empty()) {
    auto id = co_await written(BatchFiles::Results::errors);
    next.error_file_id = std::move(id);
  }
  co_return next;
}

Task<std::string> BatchRun::written(BatchFiles::Results results) {
  while (true) {
    auto file = co_await write_results(around_, batch_, results);
    if (file) {
      trouble_.clear();
      co_return *std::move(file);
    }
    trouble_ = file.error().detail;
    co_await store_.wait_out(std::move(file.error()));
  }
}

Task<void> BatchRun::change(StoredBatch next) {
  auto update = [next, from = batch_.status](Store& store) {
    return store.update_batch(next, from);
  };
  const bool changed = co_await store_.insist(std::move(update));
  if (changed) {
    take(std::move(next));
    co_return;
  }
  co_await reload();
}

void BatchRun::take(StoredBatch batch) {
  batch_ = std::move(batch);
  metrics_.show(batch_.status);
}

Task<void> BatchRun::reload() {
  auto find = [owner = batch_.owner, id = batch_.id](Store& store) {
    return store.find_batch(owner, id);
  };
  auto found = co_await store_.insist(std::move(find));
  if (found) {
    take(*std::move(found));
    co_return;
  }
  // Nobody takes batches away; whoever did wants nothing more of this one.
  is_lost_ = true;
  lost_.signal_all();
  co_await Wait(timers(), lost_, never);
}

}  // namespace rocket
