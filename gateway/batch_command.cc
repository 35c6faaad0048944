#include "batch_command.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

#include "base/sha256.h"
#include "batch/batch_engine.h"
#include "batch/batch_ids.h"
#include "batch/batch_json.h"
#include "batch/path_files.h"
#include "batch/progress.h"
#include "batch_start.h"
#include "net/file_descriptor.h"
#include "net/signals.h"
#include "proxy/control.h"
#include "store/folder.h"
#include "store/open_store.h"
#include "worker.h"

namespace rocket {
namespace {

constexpr int exit_config = 1;
constexpr int exit_usage = 2;
constexpr int exit_io = 3;
constexpr int exit_failed_lines = 4;
// In leases of its journal, which no other has.
constexpr const char* holder = "run";
constexpr Duration look_again = std::chrono::milliseconds(200);
constexpr Duration tell_again = std::chrono::seconds(5);
// For the first look at every backend, and for what is being asked when it is interrupted.
constexpr Duration probe_time = std::chrono::seconds(10);
constexpr Duration drain_time = std::chrono::seconds(2);

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

// One run of the command: a gateway without listeners, an engine, and who tells how it goes.
class BatchCommand {
 public:
  BatchCommand(BatchOptions options, Config config, BatchStart start);

  int run();

 private:
  [[nodiscard]] Task<void> work();
  [[nodiscard]] Task<bool> find_backends();
  [[nodiscard]] std::string nobody() const;
  [[nodiscard]] Result<void> lock_journal();
  [[nodiscard]] Task<bool> take_up();
  [[nodiscard]] Task<void> watch();
  void on_signal(int number);
  void tell(bool last);
  void end(int status);
  void conclude();
  void remove_stale() const;
  [[nodiscard]] int fail_with(int status, const std::string& text);

  BatchOptions options_;
  Config config_;
  BatchStart start_;
  const std::string journal_;
  FileDescriptor lock_;  // of the journal's folder, until the process ends
  Log log_;
  ByteBudget bodies_;
  Metrics metrics_{1};
  Bells bells_;
  Worker worker_;
  std::unique_ptr<Control> control_;
  StoreThread store_thread_;
  WorkThread disk_;
  StoreCaller stores_;
  WorkCaller work_;
  PathFiles files_;
  LinePlaces places_;
  BatchSurroundings around_;
  BatchEngine engine_;
  StoredBatch batch_;
  std::string trouble_;  // what is waited for: the journal, or room for the results
  const bool terminal_;
  TimePoint begun_at_{};
  TimePoint told_at_{};
  std::uint64_t begun_with_ = 0;
  int status_ = 0;
  bool interrupted_ = false;
  TaskGroup tasks_;
};

BatchCommand::BatchCommand(BatchOptions options, Config config, BatchStart start)
    : options_(std::move(options)),
      config_(std::move(config)),
      start_(std::move(start)),
      journal_(options_.output + ".journal"),
      log_(-1),
      bodies_(config_.limits.bodies_in_flight_bytes.bytes),
      worker_(0, {metrics_, bodies_, bells_, -1}, random_seed()),
      store_thread_([place = StorePlace{.folder = journal_, .postgres_url = {}}](
                        StoreThread::Need need) { return open_store(place, need); }),
      stores_(store_thread_, WorkCaller(worker_.loop)),
      work_(worker_.loop),
      files_(options_.input, options_.output, options_.output + ".errors"),
      places_(worker_.state),
      around_{worker_.state, stores_, work_, disk_, files_, places_, log_},
      engine_(around_, holder),
      terminal_(::isatty(STDERR_FILENO) == 1),
      tasks_(worker_.loop.run_queue()) {}

int BatchCommand::run() {
  control_ = std::make_unique<Control>(worker_.state, log_,
                                       [this](const auto& snapshot, const auto& router) {
                                         worker_.state.replace(snapshot, router);
                                       });
  const auto applied = control_->apply(config_);
  if (!applied) return fail_with(exit_config, applied.error().detail);
  Signals signals(worker_.loop, [this](int number) { on_signal(number); });
  tasks_.spawn(work());
  worker_.loop.run();
  tasks_.cancel_all();
  store_thread_.join();
  disk_.join();
  worker_.server.cut_all();
  control_.reset();
  if (status_ == 0 || status_ == exit_failed_lines) {
    std::error_code ignored;
    std::filesystem::remove_all(journal_, ignored);
  }
  return status_;
}

int BatchCommand::fail_with(int status, const std::string& text) {
  std::fprintf(stderr, "rocket batch: %s\n", text.c_str());
  return status;
}

void BatchCommand::end(int status) {
  status_ = status;
  worker_.loop.stop();
}

Task<void> BatchCommand::work() {
  const bool found = co_await find_backends();
  if (interrupted_) {
    end(status_);
    co_return;
  }
  if (!found) {
    end(fail_with(exit_io, nobody()));
    co_return;
  }
  const bool taken = co_await take_up();
  if (!taken) co_return;
  begun_at_ = told_at_ = worker_.loop.now();
  tasks_.spawn(engine_.run());
  co_await watch();
}

Task<bool> BatchCommand::find_backends() {
  const TimePoint deadline = worker_.loop.now() + probe_time;
  while (!control_->probed() && !interrupted_ && worker_.loop.now() < deadline) {
    co_await SleepUntil(worker_.loop, worker_.loop.now() + std::chrono::milliseconds(10));
  }
  bool alive = false;
  for (const Backend& backend : control_->snapshot()->backends) {
    for (const auto& endpoint : backend.endpoints)
      alive = alive || is_alive(endpoint->verdict);
  }
  co_return alive;
}

// Why there is nobody to ask.
std::string BatchCommand::nobody() const {
  std::string reasons;
  for (const Backend& backend : control_->snapshot()->backends) {
    for (const auto& endpoint : backend.endpoints) {
      reasons += (reasons.empty() ? " (" : ", ") + endpoint->id + ": ";
      reasons += to_string(endpoint->reason.load(std::memory_order_relaxed));
    }
  }
  if (!reasons.empty()) reasons += ')';
  return "no backend answers" + reasons + "; " +
         (options_.gateway_url.empty() ? "start one, or see what `rocket check` says"
                                       : "see whether --gateway and --key-file are right");
}

// Two at once would ask every line twice, and who is done first would take the other's away.
Result<void> BatchCommand::lock_journal() {
  std::string why;
  const auto made = make_folder(journal_, [&](std::string_view what) { why = what; });
  if (made) {
    lock_ = FileDescriptor(::open(journal_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock_) why = journal_ + ": " + std::strerror(errno);
  }
  if (!lock_) {
    return fail(ErrorCode::store_unavailable,
                why +
                    "; a folder of that name keeps what has been done: see that it can be made "
                    "and written there, or name another -o");
  }
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  return fail(ErrorCode::store_unavailable,
              "another `rocket batch run` is at work on " + journal_ + "; name another -o");
}

// The batch that the journal has, or a new one. False: it has been said what is wrong.
Task<bool> BatchCommand::take_up() {
  const auto locked = lock_journal();
  if (!locked) {
    end(fail_with(exit_io, locked.error().detail));
    co_return false;
  }
  const auto since = worker_.loop.wall_now().time_since_epoch();
  StoredBatch fresh;
  fresh.id = make_batch_id(worker_.state.random);
  fresh.endpoint = start_.endpoint;
  fresh.input_file_id = start_.fingerprint;
  fresh.completion_window = "none";
  fresh.metadata = "null";
  fresh.engine = "local";
  fresh.created_at = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  fresh.expires_at = fresh.created_at + std::int64_t{100} * 365 * 86'400;
  auto ask = [fresh](Store& store) -> Result<StoredBatch> {
    const auto known = store.list_batches("", {.after = {}, .limit = 1, .purpose = {}});
    if (!known) return std::unexpected(known.error());
    if (!known->items.empty()) {
      // One that was killed has a lease yet, and nobody but this one is at work on the journal.
      const auto given = store.give_lease(known->items.front().id, holder);
      if (!given) return std::unexpected(given.error());
      return known->items.front();
    }
    const auto added = store.add_batch(fresh);
    if (!added) return std::unexpected(added.error());
    return fresh;
  };
  auto batch = co_await stores_.call(std::move(ask));
  if (!batch) {
    end(fail_with(exit_io, batch.error().detail));
    co_return false;
  }
  batch_ = *std::move(batch);
  if (batch_.input_file_id != start_.fingerprint) {
    end(fail_with(exit_usage, journal_ + " is of another input; remove it, or name another -o"));
    co_return false;
  }
  begun_with_ = batch_.completed + batch_.failed;
  if (begun_with_ != 0 && !has_ended(batch_.status)) {
    std::fprintf(stderr, "rocket batch: goes on where it was left: %llu of %llu lines are done\n",
                 static_cast<unsigned long long>(begun_with_),
                 static_cast<unsigned long long>(batch_.total));
  }
  co_return true;
}

Task<void> BatchCommand::watch() {
  while (true) {
    auto ask = [id = batch_.id](Store& store) { return store.find_batch("", id); };
    const auto found = co_await stores_.call(std::move(ask));
    trouble_ = found ? engine_.trouble() : found.error().detail;
    if (found && *found) batch_ = **found;
    tell(has_ended(batch_.status));
    if (has_ended(batch_.status) && engine_.running() == 0) {
      conclude();
      co_return;
    }
    if (interrupted_) {
      co_await engine_.drain(worker_.loop.now() + drain_time);
      end(status_);
      co_return;
    }
    co_await SleepUntil(worker_.loop, worker_.loop.now() + look_again);
  }
}

void BatchCommand::on_signal(int number) {
  if (number == SIGHUP) return;
  status_ = 128 + number;
  if (std::exchange(interrupted_, true)) {
    end(status_);
    return;
  }
  std::fprintf(stderr, "%srocket batch: interrupted; run the same command again to go on\n",
               terminal_ ? "\n" : "");
}

void BatchCommand::tell(bool last) {
  const TimePoint now = worker_.loop.now();
  if (batch_.total == 0 || (!terminal_ && !last && now - told_at_ < tell_again)) return;
  told_at_ = now;
  const Progress progress{.total = batch_.total,
                          .done = batch_.completed + batch_.failed,
                          .failed = batch_.failed,
                          .begun_with = begun_with_,
                          .tokens = batch_.tokens,
                          .elapsed = now - begun_at_,
                          .trouble = trouble_};
  if (!terminal_) {
    std::fprintf(stderr, "%s\n", progress_text(progress).c_str());
    return;
  }
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  std::fprintf(stderr, "\r\x1b[K%s",
               progress_bar(progress, known ? size.ws_col - 1U : 79U).c_str());
}

// What an earlier run has left is not what has come of this one.
void BatchCommand::remove_stale() const {
  if (batch_.output_file_id.empty()) ::unlink(options_.output.c_str());
  if (batch_.error_file_id.empty()) ::unlink((options_.output + ".errors").c_str());
}

// A journal that has ended is removed; a file that is no batch has none worth keeping.
void BatchCommand::conclude() {
  if (terminal_) std::fprintf(stderr, "\n");
  if (batch_.status != BatchStatus::failed) remove_stale();
  if (batch_.status == BatchStatus::failed) {
    std::error_code ignored;
    std::filesystem::remove_all(journal_, ignored);
    const std::string_view remedy = batch_limit_remedy(batch_.errors);
    end(fail_with(exit_config, options_.input + " is no batch: " + batch_.errors +
                                   (remedy.empty() ? "" : "; ") + std::string(remedy)));
  } else if (batch_.failed != 0) {
    end(fail_with(exit_failed_lines, std::to_string(batch_.failed) +
                                         " lines failed: " + options_.output + ".errors says why"));
  } else {
    end(0);
  }
}

}  // namespace

int run_batch(const BatchOptions& options) {
  Signals::block();
  auto config = batch_config(options);
  if (!config) return config.error();
  auto start = read_batch_start(options);
  if (!start) {
    std::fprintf(stderr, "rocket batch: %s\n", start.error().detail.c_str());
    return start.error().code == ErrorCode::store_unavailable ? exit_io : exit_config;
  }
  BatchCommand command(options, *std::move(config), *std::move(start));
  return command.run();
}

}  // namespace rocket
