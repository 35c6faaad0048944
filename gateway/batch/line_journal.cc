#include "batch/line_journal.h"

#include <utility>

namespace rocket {
namespace {

// A disk that is full or a database that is away comes back in its own time.
constexpr Duration offer_again = std::chrono::seconds(1);

}  // namespace

LineJournal::LineJournal(const Surroundings& around, std::string batch, Settings settings)
    : timers_(around.timers),
      stores_(around.stores),
      metrics_(around.metrics),
      batch_(std::move(batch)),
      settings_(settings),
      added_(around.timers.run_queue()),
      changed_(around.timers.run_queue()) {}

Task<Result<void>> LineJournal::begin(std::shared_ptr<const std::vector<std::uint32_t>> lines) {
  auto ask = [batch = batch_, lines = std::move(lines), holder = settings_.holder](Store& store) {
    return store.begin_lines(batch, *lines, holder);
  };
  auto begun = co_await stores_.call(std::move(ask));
  co_return begun;
}

void LineJournal::add(LineResult result, std::optional<LinePlaces::Place> place) {
  if (pending_.empty()) pending_since_ = timers_.now();
  ++added_all_;
  ++waiting_;
  waiting_bytes_ += result.json.size();
  pending_.push_back(std::move(result));
  if (place) pending_places_.push_back(*std::move(place));
  if (pending_.size() == 1 || pending_.size() >= settings_.lines) added_.signal_all();
}

void LineJournal::write_soon() {
  if (pending_.empty()) return;
  soon_ = true;
  added_.signal_all();
}

Task<void> LineJournal::run() {
  while (true) {
    co_await gather();
    auto group = std::make_shared<const Group>(std::exchange(pending_, {}));
    const auto places = std::exchange(pending_places_, {});
    soon_ = false;
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
  while (hurried_ == 0 && !soon_ && pending_.size() < settings_.lines && timers_.now() < until) {
    co_await Wait(timers_, added_, until);
  }
}

Task<void> LineJournal::write(std::shared_ptr<const Group> group) {
  while (true) {
    auto finish = [batch = batch_, group, leased = !settings_.holder.empty()](Store& store) {
      return leased ? store.finish_lines(batch, *group) : store.offer_lines(batch, *group);
    };
    auto finished = co_await stores_.call(std::move(finish));
    if (finished) {
      failure_.reset();
      // Of a group that was not new as a whole nothing is known that would be worth counting.
      if (*finished == group->size()) metrics_.count(*group);
      co_return;
    }
    failure_ = std::move(finished.error());
    changed_.signal_all();
    co_await SleepUntil(timers_, timers_.now() + offer_again);
  }
}

void LineJournal::note_written(const Group& group) {
  written_all_ += group.size();
  waiting_ -= group.size();
  for (const LineResult& result : group)
    waiting_bytes_ -= result.json.size();
}

// Whoever waits may be destroyed meanwhile.
class LineJournal::Hurry {
 public:
  explicit Hurry(LineJournal& journal) : journal_(journal) { ++journal_.hurried_; }
  Hurry(const Hurry&) = delete;
  Hurry& operator=(const Hurry&) = delete;
  ~Hurry() { --journal_.hurried_; }

 private:
  LineJournal& journal_;
};

Task<void> LineJournal::written() {
  const Hurry hurry(*this);
  const std::uint64_t all = added_all_;
  added_.signal_all();
  while (written_all_ < all) {
    co_await Wait(timers_, changed_, never);
  }
}

}  // namespace rocket
