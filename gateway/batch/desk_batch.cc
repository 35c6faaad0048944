#include "batch/desk_batch.h"

#include <algorithm>
#include <utility>

#include "batch/open_input.h"

namespace rocket {
namespace {

constexpr Duration look_again = std::chrono::seconds(1);

LineJournal::Settings journal_settings(const BatchSurroundings& around) {
  return {.gather = around.loop.current->snapshot->config.batch.commit};
}

}  // namespace

DeskBatch::DeskBatch(const BatchSurroundings& around, StoredBatch batch)
    : around_(around),
      batch_(std::move(batch)),
      store_(around, batch_.id),
      metrics_(around.loop.metrics),
      journal_({around.loop.io.timers, around.stores, metrics_}, batch_.id,
               journal_settings(around)),
      opened_(timers().run_queue()),
      used_at_(timers().now()),
      tasks_(timers().run_queue()) {
  tasks_.spawn(journal_.run());
  tasks_.spawn(watch());
  tasks_.spawn(open());
}

Task<void> DeskBatch::open() {
  auto input = co_await open_input(around_, store_, batch_);
  if (input) {
    input_ = *std::move(input);
    order_ = asking_order(input_->lines);
  }
  opening_ = input_ ? Opening::good : Opening::failed;
  opened_.signal_all();
}

Task<bool> DeskBatch::opened() {
  while (opening_ == Opening::under_way) {
    co_await Wait(timers(), opened_, never);
  }
  co_return opening_ == Opening::good;
}

Task<void> DeskBatch::watch() {
  while (!has_ended_) {
    co_await SleepUntil(timers(), timers().now() + look_again);
    co_await look();
    call_off();
  }
}

DeskBatch::Lease DeskBatch::lease() const {
  using std::chrono::milliseconds;
  const auto since =
      std::chrono::duration_cast<milliseconds>(timers().wall_now().time_since_epoch());
  const auto until = since + std::chrono::duration_cast<milliseconds>(job_lease);
  return {since.count(), until.count()};
}

// Somebody has cancelled it, or it has expired; or another driver has its job by now. A store that
// can not be asked gives that to nobody else either.
Task<void> DeskBatch::look() {
  struct Found {
    bool ended;
    bool ours;
  };
  const JobDriver driver = driver_;
  auto ask = [owner = batch_.owner, id = batch_.id, driver, lease = lease(),
              works = !working_.empty() && driver.number != 0](Store& store) -> Result<Found> {
    const auto batch = store.find_batch(owner, id);
    if (!batch) return std::unexpected(batch.error());
    if (!*batch || (*batch)->status != BatchStatus::in_progress) return Found{true, true};
    if (!works) return Found{false, true};
    const auto taken = store.take_job(id, driver, lease.now, lease.until);
    if (!taken) return std::unexpected(taken.error());
    return Found{false, *taken};
  };
  const auto found = co_await around_.stores.call(std::move(ask));
  if (!found) co_return;
  has_ended_ = found->ended;
  // Not if it has become somebody else's here meanwhile.
  if (!found->ours && driver_ == driver) driver_ = {};
}

Task<bool> DeskBatch::take_job(JobDriver driver) {
  auto ask = [id = batch_.id, driver, lease = lease()](Store& store) {
    return store.take_job(id, driver, lease.now, lease.until);
  };
  const bool taken = co_await store_.insist(std::move(ask));
  if (taken) {
    driver_ = std::move(driver);
    call_off();
  }
  co_return taken;
}

bool DeskBatch::idle() const {
  return working_.empty() && journal_.waiting() == 0 && opening_ != Opening::under_way;
}

Task<std::vector<bool>> DeskBatch::finished_lines() {
  used_at_ = timers().now();
  // What a block that was called off has left is to be known first.
  co_await journal_.written();
  auto ask = [id = batch_.id](Store& store) { return store.finished_lines(id); };
  auto finished = co_await store_.insist(std::move(ask));
  co_return finished;
}

Task<std::vector<BlockRange>> DeskBatch::unfinished() {
  const auto finished = co_await finished_lines();
  co_return unfinished_ranges(order_, finished);
}

std::vector<std::uint32_t> DeskBatch::models() const {
  return model_places(order_, input_->lines);
}

// What is not of the block counts as finished.
Task<BatchPlan> DeskBatch::plan(BlockRange range) {
  const auto finished = co_await finished_lines();
  auto ask = [id = batch_.id](Store& store) { return store.begun_lines(id); };
  const auto begun = co_await store_.insist(std::move(ask));
  std::vector<bool> elsewhere(order_.size(), true);
  for (std::uint32_t place = range.from; place < range.to; ++place) {
    const std::uint32_t line = order_[place];
    elsewhere[line] = line < finished.size() && finished[line];
  }
  co_return BatchPlan(input_->lines, elsewhere, begun);
}

// A block while it is worked on. What it was asking when it is called off has not ended anything.
class DeskBatch::Working {
 public:
  Working(DeskBatch& batch, BatchLines& lines, JobDriver driver, BlockView& view)
      : batch_(batch),
        lines_(lines),
        driver_(std::move(driver)),
        view_(view),
        off_(batch.timers().run_queue()) {
    batch_.working_.push_back(this);
    view_.lines_ = &lines_;
    if (batch_.stopping_) lines_.stop();
  }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;
  ~Working() {
    view_.lines_ = nullptr;
    std::erase(batch_.working_, this);
    batch_.used_at_ = batch_.timers().now();
    auto unanswered = lines_.unanswered();
    if (!unanswered.empty()) batch_.tasks_.spawn(batch_.unbegin(std::move(unanswered)));
  }

  void stop() { lines_.stop(); }
  // Signalled once is_off().
  [[nodiscard]] WaitSlot& off() { return off_; }
  [[nodiscard]] bool is_off() const { return batch_.has_ended_ || replaced(); }
  [[nodiscard]] bool replaced() const { return driver_ != batch_.driver_; }

 private:
  DeskBatch& batch_;
  BatchLines& lines_;
  const JobDriver driver_;
  BlockView& view_;
  WaitSlot off_;
};

void DeskBatch::stop() {
  stopping_ = true;
  for (Working* const working : working_)
    working->stop();
}

void DeskBatch::call_off() {
  for (Working* const working : working_) {
    if (working->is_off()) working->off().signal_all();
  }
}

Task<void> DeskBatch::unbegin(std::vector<std::uint32_t> lines) {
  auto ask = [id = batch_.id, lines = std::move(lines)](Store& store) {
    return store.unbegin_lines(id, lines);
  };
  co_await store_.insist(std::move(ask));
}

Task<DeskBatch::End> DeskBatch::work(BlockRange range, JobDriver driver, BlockView& view) {
  const bool taken = co_await take_job(driver);
  if (!taken) co_return has_ended_ ? End::ended : End::replaced;
  auto planned = co_await plan(range);
  BatchLines lines(around_, batch_, input_, std::move(planned), journal_);
  Working working(*this, lines, std::move(driver), view);
  const bool asked = co_await Until(lines.run(), working.off(), working.is_off());
  if (!asked) co_return working.replaced() ? End::replaced : End::ended;
  const bool written = co_await Until(journal_.written(), working.off(), working.is_off());
  if (!written) co_return working.replaced() ? End::replaced : End::ended;
  co_return stopping_ ? End::stopped : End::done;
}

}  // namespace rocket
