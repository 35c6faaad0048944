#include "batch/batch_lines.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "batch/batch_ids.h"
#include "batch/kept_lines.h"
#include "batch/line_result.h"

namespace rocket {
namespace {

// Texts that are held ahead of their turn, and results that the store has not taken yet.
constexpr std::size_t ahead_bytes_max = std::size_t{4} * 1024 * 1024;
constexpr std::size_t texts_bytes_max = std::size_t{64} * 1024 * 1024;
constexpr std::size_t results_bytes_max = std::size_t{32} * 1024 * 1024;
constexpr std::size_t results_max = 1024;
constexpr Duration again_soon = std::chrono::seconds(1);
constexpr Duration look_again = std::chrono::milliseconds(50);
constexpr int too_many = 429;

}  // namespace

BatchLines::BatchLines(const BatchSurroundings& around, const StoredBatch& batch,
                       std::shared_ptr<const BatchInput> input, BatchPlan plan,
                       LineJournal& journal)
    : around_(around),
      batch_(batch),
      input_(std::move(input)),
      operation_(batch_operation(batch.endpoint).value_or(Operation::chat_completions)),
      plan_(std::move(plan)),
      journal_(journal),
      sharer_(around.places),
      in_flight_(around.loop.metrics.gauge(Family::batch_lines_in_flight)),
      changed_(around.loop.io.timers.run_queue()),
      tasks_(around.loop.io.timers.run_queue()) {}

// What needs no backend is answered within start(), which wakes nobody: the next ones are fetched
// after it. Results whose places are wanted are written at once.
Task<void> BatchLines::run() {
  tasks_.spawn(watch_places());
  while (true) {
    make_ready_again();
    start();
    if (!ready_.empty() && sharer_.awaits_writing()) journal_.write_soon();
    fetch_if_due();
    if (over()) co_return;
    sharer_.rest(waits());
    co_await Wait(around_.loop.io.timers, changed_, next_look());
  }
}

Task<void> BatchLines::watch_places() {
  while (true) {
    co_await Wait(around_.loop.io.timers, around_.places.freed(), never);
    changed_.signal_all();
  }
}

void BatchLines::stop() {
  stopping_ = true;
  changed_.signal_all();
}

bool BatchLines::over() const {
  if (stopping_) return sharer_.asked() == 0;
  return plan_.left() == 0 && to_begin_.empty() && ready_.empty() && refused_.empty() &&
         !fetching_ && under_way_ == 0 && no_suspects_;
}

// A key that may ask for so many at once is not asked for more only to refuse them.
bool BatchLines::has_place() const {
  const auto& keys = around_.loop.current->snapshot->keys;
  const Key* const key = keys ? keys->named(batch_.owner) : nullptr;
  if (!sharer_.free()) return false;
  if (key == nullptr) return true;
  const std::optional<std::uint32_t>& most = key->limits->settings().concurrent;
  return !most || sharer_.asked() < *most;
}

// While those who answer it have refused no line of its model, each has.
bool BatchLines::has_turn(std::uint32_t line) const {
  const auto window = windows_.find(input_->lines[line].model);
  return window == windows_.end() || window->second.open(now());
}

// What waits for the store, or for another time, is bounded as well.
bool BatchLines::may_start() const {
  const std::size_t most = around_.places.most();
  return !stopping_ && has_place() && under_way_ < 4 * most && under_way_bytes_ < texts_bytes_max &&
         journal_.waiting() < results_max && journal_.waiting_bytes() < results_bytes_max;
}

bool BatchLines::can_start(const Ready& ready) const {
  return !plan_.held(input_->lines[ready.line].model, now()) && has_turn(ready.line);
}

std::size_t BatchLines::startable_lines() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(ready_, [&](const Ready& ready) { return can_start(ready); }));
}

// What could be begun has been by now (fetch_if_due).
bool BatchLines::waits() const {
  if (stopping_ || fetching_ || journal_.failure() || startable_lines() != 0) return false;
  const bool some_left =
      !ready_.empty() || !refused_.empty() || !to_begin_.empty() || plan_.left() != 0;
  const bool all_paused = under_way_ != 0 && sharer_.asked() == 0;
  return some_left || all_paused;
}

// That may be asked at once: of a model that is held none.
std::size_t BatchLines::places_of(std::uint32_t model) const {
  if (plan_.held(model, now())) return 0;
  const auto window = windows_.find(model);
  return window == windows_.end() ? around_.places.most() : window->second.size();
}

std::size_t BatchLines::ready_bytes() const {
  std::size_t bytes = 0;
  for (const Ready& ready : ready_)
    bytes += ready.text.size();
  return bytes;
}

// Most of what this waits for tells it; places of the lane do not.
TimePoint BatchLines::next_look() const {
  if (!ready_.empty()) return now() + look_again;
  const TimePoint held_until = plan_.next_at();
  return held_until > now() ? std::min(held_until, now() + again_soon) : now() + again_soon;
}

// Before those that have not been asked yet.
void BatchLines::make_ready_again() {
  for (; !refused_.empty(); refused_.pop_back())
    ready_.push_front(std::move(refused_.back()));
}

void BatchLines::start() {
  KeptLines kept(around_.places.most());
  std::vector<Ready> back;
  for (auto ready = ready_.begin(); ready != ready_.end() && may_start();) {
    const std::uint32_t model = input_->lines[ready->line].model;
    const bool starts = can_start(*ready);
    if (!starts && kept.keep(model, places_of(model))) {
      ++ready;
      continue;
    }
    Ready taken = std::move(*ready);
    ready = ready_.erase(ready);
    if (starts) {
      tasks_.spawn(answer(std::move(taken)));
    } else {
      back.push_back(std::move(taken));
    }
  }
  give_back(std::move(back));
}

// In their order. The store knows them as begun, and goes on to.
void BatchLines::give_back(std::vector<Ready> lines) {
  for (; !lines.empty(); lines.pop_back()) {
    Ready& ready = lines.back();
    if (!plan_.give_back(input_->lines[ready.line].model, ready.line)) {
      ready_.push_front(std::move(ready));
    } else if (ready.retry) {
      retries_.insert_or_assign(ready.line, *ready.retry);
    }
  }
}

// While some are asked, the next ones are begun: half as many as there are places are kept ready.
void BatchLines::fetch_if_due() {
  if (stopping_ || fetching_ || journal_.failure()) return;
  const std::size_t ahead = around_.places.most();
  const std::size_t startable = startable_lines();
  if (startable >= (ahead + 1) / 2 || ready_.size() >= 4 * ahead) return;
  if (startable != 0 && ready_bytes() >= ahead_bytes_max) return;
  if (to_begin_.empty()) {
    const auto taken = take(startable);
    to_begin_.assign(taken.begin(), taken.end());
  }
  if (!to_begin_.empty()) {
    fetching_ = true;
    tasks_.spawn(fetch());
  } else if (plan_.left() == 0 && ready_.empty() && under_way_ == 0 && !no_suspects_) {
    fetching_ = true;
    tasks_.spawn(fetch_suspect());
  }
}

// Of a model that takes only so many at once no more than these, ready ones included.
std::vector<std::uint32_t> BatchLines::take(std::size_t startable) {
  const std::size_t ahead = around_.places.most();
  std::unordered_map<std::uint32_t, std::size_t> ready;
  for (const Ready& each : ready_)
    ++ready[input_->lines[each.line].model];
  const bool full = ready_.size() - startable >= ahead;
  return plan_.take(ahead, now(), [&](std::uint32_t model) -> std::size_t {
    const auto window = windows_.find(model);
    if (window == windows_.end()) return ahead;
    if (full && !window->second.open(now())) return 0;
    return window->second.size() - std::min(window->second.size(), ready[model]);
  });
}

Task<void> BatchLines::fetch() {
  std::vector<std::uint32_t> group = next_group();
  std::vector<std::uint32_t> unbegun;
  std::ranges::copy_if(group, std::back_inserter(unbegun),
                       [&](std::uint32_t line) { return !unanswered_.contains(line); });
  if (!unbegun.empty()) co_await begin(std::move(unbegun));
  auto texts = co_await read(group);
  for (std::size_t i = 0; i < group.size(); ++i) {
    Ready ready{group[i], std::move(texts[i])};
    if (const auto before = retries_.extract(group[i])) ready.retry = before.mapped();
    ready_.push_back(std::move(ready));
  }
  fetching_ = false;
  changed_.signal_all();
}

// One at least, whatever its length.
std::vector<std::uint32_t> BatchLines::next_group() {
  std::size_t bytes = ready_bytes();
  std::vector<std::uint32_t> group;
  while (!to_begin_.empty()) {
    const std::uint32_t line = to_begin_.front();
    bytes += input_->lines[line].length;
    if (bytes > ahead_bytes_max && !group.empty()) break;
    group.push_back(line);
    to_begin_.pop_front();
  }
  return group;
}

Task<void> BatchLines::begin(std::vector<std::uint32_t> group) {
  const auto lines = std::make_shared<const std::vector<std::uint32_t>>(std::move(group));
  while (true) {
    const auto begun = co_await journal_.begin(lines);
    if (begun) {
      unanswered_.insert(lines->begin(), lines->end());
      co_return;
    }
    co_await SleepUntil(around_.loop.io.timers, now() + again_soon);
  }
}

Task<std::vector<std::string>> BatchLines::read(std::vector<std::uint32_t> group) {
  const auto lines = std::make_shared<const std::vector<std::uint32_t>>(std::move(group));
  while (true) {
    auto look = [input = input_, lines] { return input->read(*lines); };
    auto texts = co_await around_.work.call(around_.disk, std::move(look));
    if (texts) co_return *std::move(texts);
    around_.log.warn("a batch waits for its file",
                     {{"batch", batch_.id}, {"detail", texts.error().detail}});
    co_await SleepUntil(around_.loop.io.timers, now() + again_soon);
  }
}

// A line that may be what has ended the process is asked while no other is, or given up.
Task<void> BatchLines::fetch_suspect() {
  const auto suspect = plan_.take_suspect();
  if (!suspect) {
    no_suspects_ = true;
  } else {
    const std::vector<std::uint32_t> alone(1, suspect->line);
    auto texts = co_await read(alone);
    if (suspect->times >= BatchPlan::given_up) {
      conclude(unanswered_line(asked_line(batch_, suspect->line, texts.front()), "line_lost",
                               "The gateway has ended " + std::to_string(suspect->times) +
                                   " times while it was at this line, so it is not asked again."));
    } else {
      co_await begin(alone);
      ready_.push_back({suspect->line, std::move(texts.front())});
    }
  }
  fetching_ = false;
  changed_.signal_all();
}

// A line that is being asked, or paused.
class BatchLines::UnderWay {
 public:
  UnderWay(BatchLines& lines, const Ready& ready) : lines_(lines), bytes_(ready.text.size()) {
    ++lines_.under_way_;
    lines_.under_way_bytes_ += bytes_;
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() {
    --lines_.under_way_;
    lines_.under_way_bytes_ -= bytes_;
  }

 private:
  BatchLines& lines_;
  std::size_t bytes_;
};

Task<void> BatchLines::answer(Ready ready) {
  const UnderWay counted(*this, ready);
  const auto line = read_batch_line(ready.text, batch_.endpoint);
  if (!line) {
    // It has been read before; somebody has written into the file.
    conclude(unanswered_line(asked_line(batch_, ready.line, ready.text), line.error().code,
                             line.error().message));
    changed_.signal_all();
    co_return;
  }
  const AskedLine asked{ready.line, line->custom_id, line_request_id(batch_.id, ready.line)};
  const std::uint32_t model = input_->lines[ready.line].model;
  LineRetry retry = ready.retry.value_or(LineRetry(retry_settings()));
  while (true) {
    std::optional<Duration> again;
    bool turned_away = false;
    {
      LinePlaces::Place place(sharer_);
      LineWindow::Asking asking(windows_[model], now());
      const GaugeHold counted_too(in_flight_);
      const LineQuestion question{
          .owner = batch_.owner, .operation = operation_, .body = line->body, .takes_turns = true};
      const LineAnswer answer = co_await ask_line(around_.loop, question);
      place.answered();
      if (answer.concurrent_limit) {
        asking.refused(*answer.concurrent_limit, now());
        refused_.push_back({ready.line, std::move(ready.text), retry});
        changed_.signal_all();
        co_return;
      }
      if (answer.asked) asking.answered(now());
      again = retry.after({answer.status, answer.asked, answer.retry_after, answer.unsettled},
                          around_.loop.random);
      if (!again) {
        // What nobody was asked costs nothing if it has to be said again.
        std::optional<LinePlaces::Place> kept;
        if (answer.asked) kept.emplace(std::move(place));
        conclude(
            answered_line(
                asked, {answer.status, answer.request_id, answer.body.text(), answer.translation},
                batch_.endpoint),
            std::move(kept));
      } else if (!answer.asked || answer.status == too_many) {
        if (plan_.hold(model, now() + *again)) {
          refused_.push_back({ready.line, std::move(ready.text), retry});
          turned_away = true;
        }
      }
    }
    if (windows_[model].pristine()) windows_.erase(model);
    changed_.signal_all();
    if (!again || turned_away) co_return;
    co_await SleepUntil(around_.loop.io.timers, now() + *again);
    if (stopping_) co_return;
    while (!has_place() || !has_turn(ready.line)) {
      if (sharer_.awaits_writing()) journal_.write_soon();
      co_await Wait(around_.loop.io.timers, around_.places.freed(), now() + look_again);
    }
  }
}

void BatchLines::conclude(LineResult result, std::optional<LinePlaces::Place> place) {
  unanswered_.erase(result.line);
  journal_.add(std::move(result), std::move(place));
}

LineRetry::Settings BatchLines::retry_settings() const {
  const BatchConfig& config = around_.loop.current->snapshot->config.batch;
  return {
      .attempts = config.attempts, .backoff = config.backoff, .backoff_max = config.backoff_max};
}

}  // namespace rocket
