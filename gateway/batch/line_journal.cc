#include "batch/line_journal.h"

#include <utility>

namespace rocket {
namespace {

// A disk that is full or a database that is away comes back in its own time.
constexpr Duration offer_again = std::chrono::seconds(1);

}  // namespace

LineJournal::LineJournal(Timers& timers, const StoreCaller& stores, std::string batch,
                         Settings settings)
    : timers_(timers),
      stores_(stores),
      batch_(std::move(batch)),
      settings_(settings),
      added_(timers.run_queue()),
      changed_(timers.run_queue()) {}

void LineJournal::add(LineResult result) {
  if (pending_.empty()) pending_since_ = timers_.now();
  ++waiting_;
  waiting_bytes_ += result.json.size();
  pending_.push_back(std::move(result));
  if (pending_.size() == 1 || pending_.size() >= settings_.lines) added_.signal_all();
}

Task<void> LineJournal::run() {
  while (true) {
    co_await gather();
    auto group = std::make_shared<const Group>(std::exchange(pending_, {}));
    co_await write(group);
    note_written(*group);
    changed_.signal_all();
  }
}

// Until there is a group.
Task<void> LineJournal::gather() {
  while (pending_.empty()) {
    co_await Wait(timers_, added_, never);
  }
  const TimePoint until = deadline_after(pending_since_, settings_.gather);
  while (!hurried_ && pending_.size() < settings_.lines && timers_.now() < until) {
    co_await Wait(timers_, added_, until);
  }
}

Task<void> LineJournal::write(std::shared_ptr<const Group> group) {
  while (true) {
    auto finish = [batch = batch_, group](Store& store) {
      return store.finish_lines(batch, *group);
    };
    auto finished = co_await stores_.call(std::move(finish));
    if (finished) {
      failure_.reset();
      co_return;
    }
    failure_ = std::move(finished.error());
    changed_.signal_all();
    co_await SleepUntil(timers_, timers_.now() + offer_again);
  }
}

void LineJournal::note_written(const Group& group) {
  waiting_ -= group.size();
  for (const LineResult& result : group)
    waiting_bytes_ -= result.json.size();
}

Task<void> LineJournal::written() {
  hurried_ = true;
  added_.signal_all();
  while (waiting_ != 0) {
    co_await Wait(timers_, changed_, never);
  }
  hurried_ = false;
}

}  // namespace rocket
