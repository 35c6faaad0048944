#include "serve.h"

#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "admin/admin_operations.h"
#include "admin/control_operations.h"
#include "batch/file_operations.h"
#include "batch/file_sweeper.h"
#include "batch_service.h"
#include "config/environment.h"
#include "config_reader.h"
#include "file_watch.h"
#include "net/descriptor_limit.h"
#include "net/signals.h"
#include "proxy/control.h"
#include "proxy/data_operations.h"
#include "start.h"
#include "telemetry/exposition.h"
#include "worker.h"

namespace rocket {
namespace {

constexpr int exit_config = 1;
constexpr int exit_bind = 3;
constexpr int exit_io = 3;
// For the store to do what it was asked last. More than a Postgres that says nothing is given.
constexpr Duration storage_time = std::chrono::seconds(20);
// For what is left of the traces when everything else has ended.
constexpr Duration trace_time = std::chrono::seconds(1);
constexpr Duration watch_interval = std::chrono::seconds(1);

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

size_t connections_per_worker(const Config& config, size_t descriptors) {
  const size_t all =
      std::min<size_t>(config.limits.connections, clients_within(descriptors, config.threads));
  return std::max<size_t>(all / config.threads, 1);
}

// Port 0 in the file means the port that the kernel chose at the start.
void keep_chosen_port(ListenAddress& read, const ListenAddress& bound) {
  if (read.host == bound.host && read.port == 0) read.port = bound.port;
}

// Null: plain HTTP.
Result<std::shared_ptr<SSL_CTX>> make_tls(const TlsConfig& tls) {
  if (!tls.on()) return nullptr;
  return make_tls_server(tls.cert_file, tls.key_file);
}

StorePlace store_place(const StoreConfig& config, Log& log) {
  return {
      .on = config.on,
      .folder = config.folder(),
      .postgres_url = config.in_postgres()
                          ? environment_variable(config.postgres_url_env).value_or("")
                          : std::string(),
      .tell = [&log](std::string_view what) { log.warn("files and batches", {{"detail", what}}); }};
}

class Gateway {
 public:
  explicit Gateway(Start start)
      : config_(std::move(start.config)),
        config_path_(std::move(start.path)),
        posted_(std::move(start.posted)),
        admin_overridden_(start.admin_overridden),
        sockets_(std::move(start.sockets)),
        access_fd_(open_log_descriptor(STDOUT_FILENO)),
        log_fd_(open_log_descriptor(STDERR_FILENO)),
        log_(log_fd_.get()),
        bodies_(config_.limits.bodies_in_flight_bytes.bytes),
        descriptors_(raise_descriptor_limit()),
        metrics_(config_.threads),
        exposition_(metrics_, ROCKET_VERSION),
        storage_(store_place(config_.store, log_), config_.store.files_folder()) {}

  int run();

 private:
  enum class Phase : unsigned char { serving, lame_duck, draining, ended };

  void add_operations();
  void end_storage();
  [[nodiscard]] bool open_sockets();
  void listen();
  void publish(const std::shared_ptr<const Snapshot>& snapshot,
               const std::shared_ptr<const Router>& router);
  void warn_of_few_descriptors(const Config& config);
  void on_signal(int number);
  void reload();
  [[nodiscard]] Task<void> reload_again();
  [[nodiscard]] Task<Configured> configure(std::string text);
  [[nodiscard]] Configured take_up_posted(ConfigReading reading, std::string text);
  [[nodiscard]] std::vector<Problem> take_up(ConfigReading reading);
  [[nodiscard]] Result<void> apply(Config config);
  void be_lame_duck();
  void begin_drain();
  void watch_files_of(const Config& config);
  void end();

  Task<void> watch_config();
  Task<void> tell_what_was_found();
  Task<void> sweep_files();
  Task<void> work_on_batches();
  Task<void> drain();
  Task<void> drain_worker(Worker& worker);
  Task<void> drain_batches(TimePoint deadline);
  void note_drained();

  Worker& first() { return *workers_.front(); }

  Config config_;
  std::string config_path_;
  std::string posted_;  // the configuration in force, if it was handed in
  bool admin_overridden_;
  std::optional<Sockets> sockets_;
  FileDescriptor access_fd_;
  FileDescriptor log_fd_;
  Log log_;
  ByteBudget bodies_;
  size_t descriptors_;
  Metrics metrics_;
  Exposition exposition_;
  Bells bells_;
  Storage storage_;
  std::vector<std::unique_ptr<StorageAccess>> storage_accesses_;  // by worker
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<BatchService> batches_;
  std::vector<std::thread> threads_;
  ReceiptSearch receipts_;
  std::unique_ptr<Control> control_;
  std::optional<ConfigReader> reader_;
  bool reloading_ = false;
  bool reload_wanted_ = false;
  std::shared_ptr<SSL_CTX> tls_;
  std::vector<std::string> watched_files_;
  FileWatch watch_;
  std::unique_ptr<Signals> signals_;
  std::unique_ptr<WaitSlot> part_drained_;
  size_t parts_draining_ = 0;
  std::atomic<Phase> phase_ = Phase::serving;
  bool drain_begun_ = false;
  bool threads_running_ = false;
};

int Gateway::run() {
  const Worker::Shared shared{metrics_, bodies_, bells_, access_fd_.get()};
  for (size_t i = 0; i < config_.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, shared, random_seed()));
    storage_accesses_.push_back(std::make_unique<StorageAccess>(storage_, workers_.back()->loop));
  }
  // Its name in the leases of batches is no other process's.
  batches_ = std::make_unique<BatchService>(first(), *storage_accesses_.front(), log_,
                                            "gateway-" + std::to_string(random_seed()));
  control_ = std::make_unique<Control>(
      first().state, log_,
      [this](const auto& snapshot, const auto& router) { publish(snapshot, router); });
  reader_.emplace(first().loop);
  add_operations();
  // First, so that the configuration in force names the ports that the kernel has chosen.
  if (!open_sockets()) return exit_bind;
  const auto applied = apply(config_);
  if (!applied) {
    log_.error("configuration refused", {{"detail", applied.error().detail}});
    return exit_config;
  }
  // Last: somebody may wait there already.
  listen();
  warn_of_few_descriptors(config_);
  log_.info("serving",
            {{"listen", config_.listen.to_string()},
             {"admin", config_.admin.to_string()},
             {"metrics", config_.metrics_listen ? config_.metrics_listen->to_string() : ""}});

  signals_ = std::make_unique<Signals>(first().loop, [this](int number) { on_signal(number); });
  if (config_path_.empty() && posted_.empty()) first().tasks.spawn(tell_what_was_found());
  watch_files_of(config_);
  first().tasks.spawn(watch_config());
  first().tasks.spawn(sweep_files());
  first().tasks.spawn(work_on_batches());
  threads_running_ = true;
  for (size_t i = 1; i < workers_.size(); ++i) {
    threads_.emplace_back([&worker = *workers_[i]] { worker.loop.run(); });
  }
  first().loop.run();
  for (std::thread& thread : threads_)
    thread.join();
  reader_->join();
  for (const auto& worker : workers_)
    worker->server.cut_all();
  first().tasks.cancel_all();
  end_storage();
  batches_.reset();
  control_.reset();
  return 0;
}

// What its threads still do needs what batches_ has. A disk that hangs keeps a thread for as long
// as it likes, and nobody who ends the gateway is to wait for that.
void Gateway::end_storage() {
  if (storage_.join_until(std::chrono::steady_clock::now() + storage_time)) return;
  log_.error("files and batches: ended while the store was still at work, for it does not answer");
  std::_Exit(exit_io);
}

void Gateway::add_operations() {
  const PortHealth health{
      .ready = [this] { return phase_ == Phase::serving && control_->probed(); },
      .serving = [this] { return phase_ == Phase::serving; }};
  for (size_t i = 0; i < workers_.size(); ++i) {
    add_data_operations(workers_[i]->data, health);
    add_file_operations(workers_[i]->data, *storage_accesses_[i]);
    batches_->add_operations(*workers_[i], *storage_accesses_[i]);
  }
  for (const auto& worker : workers_) {
    receipts_.add(worker->loop, worker->state);
    exposition_.add_loop([&loop = worker->loop] { return loop.busy(); });
  }
  add_admin_operations(first().admin, {*control_, exposition_, health, receipts_});
  add_metrics_operation(first().metrics, exposition_);
  add_control_operations(
      first().admin, {.configure = [this](std::string text) { return configure(std::move(text)); },
                      .lame_duck = [this] { be_lame_duck(); },
                      .drain = [this] { begin_drain(); }});
  batches_->add_admin_operations();
}

bool Gateway::open_sockets() {
  if (sockets_) return true;
  auto data = open_data_sockets(config_);
  auto admin = data ? open_admin_socket(config_) : std::unexpected(data.error());
  auto metrics = admin ? open_metrics_socket(config_) : std::unexpected(admin.error());
  if (!metrics) {
    log_.error(metrics.error().detail, {{"remedy", listen_remedy}});
    return false;
  }
  sockets_ = Sockets{*std::move(data), *std::move(admin), *std::move(metrics)};
  return true;
}

void Gateway::listen() {
  for (size_t i = 0; i < sockets_->data.size(); ++i)
    workers_[i]->listen(std::move(sockets_->data[i]), workers_[i]->data);
  first().admin_on_unix = !config_.admin.unix_path.empty();
  first().listen(std::move(sockets_->admin), first().admin);
  if (sockets_->metrics) first().listen_for_metrics(std::move(sockets_->metrics));
}

void Gateway::publish(const std::shared_ptr<const Snapshot>& snapshot,
                      const std::shared_ptr<const Router>& router) {
  for (const auto& worker : workers_) {
    const auto replace = [this, &one = *worker, tls = tls_, snapshot, router] {
      one.tls = tls;
      one.count.set_most(connections_per_worker(snapshot->config, descriptors_));
      one.state.replace(snapshot, router);
    };
    if (worker.get() == &first() || !threads_running_) {
      replace();
    } else {
      worker->loop.post(replace);
    }
  }
}

void Gateway::warn_of_few_descriptors(const Config& config) {
  const size_t connections = clients_within(descriptors_, config.threads);
  if (connections >= config.limits.connections) return;
  log_.warn("fewer client connections than limits.connections: too few descriptors",
            {{"connections", connections},
             {"descriptors", descriptors_},
             {"remedy", "raise the hard limit (ulimit -Hn, LimitNOFILE), or lower the setting"}});
}

void Gateway::on_signal(int number) {
  if (number == SIGHUP) {
    reload();
  } else if (!drain_begun_) {
    begin_drain();
  } else {
    log_.warn("ended by a second signal", {{"connections", first().server.connections()}});
    end();
  }
}

void Gateway::be_lame_duck() {
  if (phase_ != Phase::serving) return;
  phase_ = Phase::lame_duck;
  log_.info("a lame duck: serving on, but neither ready nor healthy");
}

void Gateway::begin_drain() {
  if (std::exchange(drain_begun_, true)) return;
  first().tasks.spawn(drain());
}

// What was handed in stays in force until the file, or one that it names, changes.
void Gateway::reload() {
  if (config_path_.empty() && posted_.empty()) {
    log_.warn("nothing to reload: there is no configuration file");
    return;
  }
  // One that is being read may have been read before the change that this wish is about.
  reload_wanted_ = true;
  if (!std::exchange(reloading_, true)) first().tasks.spawn(reload_again());
}

Task<void> Gateway::reload_again() {
  while (std::exchange(reload_wanted_, false)) {
    std::function<ConfigReading()> how;
    if (config_path_.empty()) {
      how = [text = posted_] { return read_config(text); };
    } else {
      how = [path = config_path_] { return read_config_file(path); };
    }
    auto reading = co_await reader_->read(std::move(how));
    if (reload_wanted_) continue;
    watch_files_of(reading.config);
    static_cast<void>(take_up(std::move(reading)));
  }
  reloading_ = false;
}

Task<Configured> Gateway::configure(std::string text) {
  std::function<ConfigReading()> how = [text] { return read_config(text); };
  auto reading = co_await reader_->read(std::move(how));
  co_return take_up_posted(std::move(reading), std::move(text));
}

Configured Gateway::take_up_posted(ConfigReading reading, std::string text) {
  auto problems = take_up(std::move(reading));
  if (!problems.empty()) return {.status = 422, .problems = std::move(problems)};
  watch_files_of(control_->snapshot()->config);
  posted_ = std::move(text);
  // What is being read for a reload is what had been posted before.
  reload_wanted_ = reload_wanted_ || reloading_;
  return {.revision = control_->snapshot()->revision};
}

// Returns why it is not in force; nothing if it is.
std::vector<Problem> Gateway::take_up(ConfigReading reading) {
  std::vector<Problem> problems = std::move(reading.problems);
  if (problems.empty()) {
    // What the command line and the kernel have decided stays.
    if (admin_overridden_) reading.config.admin = config_.admin;
    keep_chosen_port(reading.config.listen, config_.listen);
    keep_chosen_port(reading.config.admin, config_.admin);
    if (reading.config.metrics_listen && config_.metrics_listen)
      keep_chosen_port(*reading.config.metrics_listen, *config_.metrics_listen);
    auto fixed = not_reloadable(control_->snapshot()->config, reading.config);
    const auto applied = fixed ? Result<void>{} : apply(std::move(reading.config));
    if (fixed) problems.push_back(*std::move(fixed));
    if (!applied) problems.push_back({"", applied.error().detail, ""});
  }
  for (const Problem& problem : problems)
    log_.error("configuration refused", {{"problem", format_problem(problem)}});
  if (problems.empty()) warn_of_few_descriptors(control_->snapshot()->config);
  return problems;
}

// All of it or nothing: what publish() hands out goes with the snapshot.
Result<void> Gateway::apply(Config config) {
  auto tls = make_tls(config.tls);
  if (!tls) return std::unexpected(std::move(tls.error()));
  std::shared_ptr<SSL_CTX> before = std::exchange(tls_, *std::move(tls));
  auto applied = control_->apply(std::move(config));
  if (!applied) tls_ = std::move(before);
  return applied;
}

// Also of a configuration that is refused: mending one of its files may mend it.
void Gateway::watch_files_of(const Config& config) {
  watched_files_.clear();
  for (const std::string& path :
       {config_path_, config.keys_file.path, config.tls.cert_file, config.tls.key_file}) {
    if (!path.empty()) watched_files_.push_back(path);
  }
  for (const BackendConfig& backend : config.backends) {
    if (!backend.api_key_file.empty()) watched_files_.push_back(backend.api_key_file);
  }
  // What is written to a file that has just been named may come before the next look.
  watch_.know(watched_files_);
}

Task<void> Gateway::watch_config() {
  while (true) {
    co_await SleepUntil(first().loop, first().loop.now() + watch_interval);
    if (watch_.changed(watched_files_)) reload();
  }
}

Task<void> Gateway::tell_what_was_found() {
  while (!control_->probed()) {
    co_await SleepUntil(first().loop, first().loop.now() + std::chrono::milliseconds(20));
  }
  size_t found = 0;
  for (const Backend& backend : control_->snapshot()->backends) {
    for (const auto& endpoint : backend.endpoints) {
      const bool there = is_alive(endpoint->verdict);
      found += there ? 1 : 0;
      log_.info(there ? "discovered" : "not running", {{"backend", backend.name},
                                                       {"url", endpoint->url.to_string()},
                                                       {"models", endpoint->probed.models.size()}});
    }
  }
  if (found == 0) {
    log_.warn(
        "no model server found on the usual ports yet; start one, or name yours in "
        "rocket.yaml");
  }
}

Task<void> Gateway::sweep_files() {
  FileSweeper sweeper(first().loop, *storage_accesses_.front(), [this] {
    return first().state.current->snapshot->config.store.batch_expiry;
  });
  co_await sweeper.run();
}

// Which models there are is known by then.
Task<void> Gateway::work_on_batches() {
  while (!control_->probed()) {
    co_await SleepUntil(first().loop, first().loop.now() + std::chrono::milliseconds(20));
  }
  co_await batches_->run();
}

Task<void> Gateway::drain() {
  const DrainConfig settings = control_->snapshot()->config.drain;
  EpollLoop& loop = first().loop;
  log_.info("draining", {{"connections", first().server.connections()}});
  // Whoever has made it a lame duck before has waited as long as is needed.
  const bool told = phase_ == Phase::lame_duck;
  phase_ = Phase::lame_duck;
  if (!told) {
    co_await SleepUntil(loop, loop.now() + settings.lame_duck);
  }
  phase_ = Phase::draining;
  part_drained_ = std::make_unique<WaitSlot>(loop.run_queue());
  parts_draining_ = workers_.size() + 1;
  for (const auto& worker : workers_) {
    worker->loop.post([this, &one = *worker] { one.tasks.spawn(drain_worker(one)); });
  }
  const TimePoint deadline = deadline_after(loop.now(), settings.timeout);
  first().tasks.spawn(drain_batches(deadline));
  while (parts_draining_ != 0) {
    const Wake wake = co_await Wait(loop, *part_drained_, deadline);
    if (wake == Wake::timed_out) break;
  }
  log_.info(parts_draining_ == 0 ? "drained" : "drain.timeout reached; cutting what is left");
  end();
}

Task<void> Gateway::drain_worker(Worker& worker) {
  worker.stop_listening();
  worker.server.drain();
  while (worker.count.held() != 0) {
    co_await Wait(worker.loop, worker.count.freed(), never);
  }
  co_await worker.server.send_traces(worker.loop.now() + trace_time);
  first().loop.post([this] { note_drained(); });
}

Task<void> Gateway::drain_batches(TimePoint deadline) {
  co_await batches_->drain(deadline);
  note_drained();
}

void Gateway::note_drained() {
  --parts_draining_;
  part_drained_->signal_all();
}

void Gateway::end() {
  phase_ = Phase::ended;
  for (const auto& worker : workers_)
    worker->loop.stop();
}

}  // namespace

int serve(const ServeOptions& options) {
  Signals::block();
  auto start = find_start(options);
  if (!start) return start.error();
  Gateway gateway(*std::move(start));
  return gateway.run();
}

}  // namespace rocket
