#include "serve.h"

#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <random>
#include <system_error>
#include <thread>

#include "admin/admin_operations.h"
#include "config/discovery.h"
#include "config/read_config.h"
#include "file_watch.h"
#include "net/descriptor_limit.h"
#include "net/signals.h"
#include "proxy/control.h"
#include "proxy/data_operations.h"
#include "telemetry/exposition.h"
#include "worker.h"

namespace rocket {
namespace {

constexpr int exit_config = 1;
constexpr int exit_bind = 3;
constexpr const char* default_config_path = "rocket.yaml";
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

class Gateway {
 public:
  Gateway(Config config, std::string config_path, bool admin_overridden)
      : config_(std::move(config)),
        config_path_(std::move(config_path)),
        admin_overridden_(admin_overridden),
        access_fd_(open_log_descriptor(STDOUT_FILENO)),
        log_fd_(open_log_descriptor(STDERR_FILENO)),
        log_(log_fd_.get()),
        bodies_(config_.limits.bodies_in_flight_bytes.bytes),
        descriptors_(raise_descriptor_limit()),
        metrics_(config_.threads),
        exposition_(metrics_, ROCKET_VERSION) {}

  int run();

 private:
  enum class Phase : unsigned char { serving, lame_duck, draining, ended };

  bool listen();
  bool listen_data();
  void report_bind_failure(const std::string& address, const Error& error);
  void publish(const std::shared_ptr<const Snapshot>& snapshot,
               const std::shared_ptr<const Router>& router);
  void warn_of_few_descriptors(const Config& config);
  void on_signal(int number);
  void reload();
  void take_up(ConfigReading& reading);
  [[nodiscard]] Result<void> apply(Config config);
  void watch_files_of(const Config& config);
  void end();

  Task<void> watch_config();
  Task<void> tell_what_was_found();
  Task<void> drain();
  Task<void> drain_worker(Worker& worker);

  Worker& first() { return *workers_.front(); }

  Config config_;
  std::string config_path_;
  bool admin_overridden_;
  FileDescriptor access_fd_;
  FileDescriptor log_fd_;
  Log log_;
  ByteBudget bodies_;
  size_t descriptors_;
  Metrics metrics_;
  Exposition exposition_;
  Bells bells_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  ReceiptSearch receipts_;
  std::unique_ptr<Control> control_;
  std::thread reader_;
  bool reading_ = false;  // a reload is on its way
  bool read_again_ = false;
  std::shared_ptr<SSL_CTX> tls_;
  std::vector<std::string> watched_files_;
  std::unique_ptr<Signals> signals_;
  std::unique_ptr<WaitSlot> worker_drained_;
  size_t workers_draining_ = 0;
  std::atomic<Phase> phase_ = Phase::serving;
  bool threads_running_ = false;
};

int Gateway::run() {
  Signals::block();
  const Worker::Shared shared{metrics_, bodies_, bells_, access_fd_.get()};
  for (size_t i = 0; i < config_.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, shared, random_seed()));
  }
  control_ = std::make_unique<Control>(
      first().state, log_,
      [this](const auto& snapshot, const auto& router) { publish(snapshot, router); });
  const PortHealth health{
      .ready = [this] { return phase_ == Phase::serving && control_->probed(); },
      .serving = [this] { return phase_ == Phase::serving; }};
  for (const auto& worker : workers_)
    add_data_operations(worker->data, health);
  for (const auto& worker : workers_)
    receipts_.add(worker->loop, worker->state);
  add_admin_operations(first().admin, {*control_, exposition_, health, receipts_});
  // First, so that the configuration in force names the ports that the kernel has chosen.
  if (!listen()) return exit_bind;
  const auto applied = apply(config_);
  if (!applied) {
    log_.error("configuration refused", {{"detail", applied.error().detail}});
    return exit_config;
  }
  warn_of_few_descriptors(config_);
  log_.info("serving",
            {{"listen", config_.listen.to_string()}, {"admin", config_.admin.to_string()}});

  signals_ = std::make_unique<Signals>(first().loop, [this](int number) { on_signal(number); });
  if (config_path_.empty()) {
    first().tasks.spawn(tell_what_was_found());
  } else {
    watch_files_of(config_);
    first().tasks.spawn(watch_config());
  }
  threads_running_ = true;
  for (size_t i = 1; i < workers_.size(); ++i) {
    threads_.emplace_back([&worker = *workers_[i]] { worker.loop.run(); });
  }
  first().loop.run();
  for (std::thread& thread : threads_)
    thread.join();
  if (reader_.joinable()) reader_.join();
  for (const auto& worker : workers_)
    worker->server.cut_all();
  control_.reset();
  return 0;
}

bool Gateway::listen() {
  if (!listen_data()) return false;
  const ListenAddress& admin = config_.admin;
  auto fd = admin.unix_path.empty() ? listen_tcp(admin.host, admin.port, false)
                                    : listen_private_unix(admin.unix_path);
  if (!fd) {
    report_bind_failure(admin.to_string(), fd.error());
    return false;
  }
  if (admin.unix_path.empty()) config_.admin.port = local_port(*fd);
  first().admin_on_unix = !admin.unix_path.empty();
  first().listen(std::move(*fd), first().admin);
  return true;
}

bool Gateway::listen_data() {
  const ListenAddress address = config_.listen;
  const auto open = [&](bool shared) {
    return address.unix_path.empty() ? listen_tcp(address.host, config_.listen.port, shared)
                                     : listen_unix(address.unix_path);
  };
  // Without SO_REUSEPORT first: with it, a second Rocket on the same port would go unnoticed.
  auto probe = open(false);
  if (!probe) {
    report_bind_failure(address.to_string(), probe.error());
    return false;
  }
  if (address.unix_path.empty()) config_.listen.port = local_port(*probe);
  if (workers_.size() == 1 || !address.unix_path.empty()) {
    first().listen(std::move(*probe), first().data);
    return true;
  }
  *probe = FileDescriptor();
  for (const auto& worker : workers_) {
    auto fd = open(true);
    if (!fd) {
      report_bind_failure(address.to_string(), fd.error());
      return false;
    }
    worker->listen(std::move(*fd), worker->data);
  }
  return true;
}

void Gateway::report_bind_failure(const std::string& address, const Error& error) {
  const std::string text = "can not listen on " + address + ": " + error.detail;
  log_.error(text, {{"remedy",
                     "end what listens there, or set another address in the "
                     "configuration (listen, admin)"}});
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
  } else if (phase_ == Phase::serving) {
    phase_ = Phase::lame_duck;
    first().tasks.spawn(drain());
  } else {
    log_.warn("ended by a second signal", {{"connections", first().server.connections()}});
    end();
  }
}

void Gateway::reload() {
  if (config_path_.empty()) {
    log_.warn("nothing to reload: there is no configuration file");
    return;
  }
  if (reading_) {
    read_again_ = true;
    return;
  }
  reading_ = true;
  if (reader_.joinable()) reader_.join();
  const auto read = [this] {
    auto reading = std::make_shared<ConfigReading>(read_config_file(config_path_));
    first().loop.post([this, reading] { take_up(*reading); });
  };
  // Beside the loops: thousands of keys take YAML a fifth of a second. A machine that can start no
  // more threads has it read here.
  try {
    reader_ = std::thread(read);
  } catch (const std::system_error&) {
    read();
  }
}

void Gateway::take_up(ConfigReading& reading) {
  reading_ = false;
  // It may have been read before the change that the second wish was about.
  if (std::exchange(read_again_, false)) return reload();
  for (const Problem& problem : reading.problems) {
    log_.error("configuration refused", {{"problem", format_problem(problem)}});
  }
  watch_files_of(reading.config);
  if (!reading.ok()) return;
  // What the command line and the kernel have decided stays.
  if (admin_overridden_) reading.config.admin = config_.admin;
  keep_chosen_port(reading.config.listen, config_.listen);
  keep_chosen_port(reading.config.admin, config_.admin);
  const auto applied = apply(std::move(reading.config));
  if (applied) {
    warn_of_few_descriptors(control_->snapshot()->config);
  } else {
    log_.error("configuration refused", {{"problem", applied.error().detail}});
  }
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
  watched_files_ = {config_path_};
  for (const std::string& path :
       {config.keys_file.path, config.tls.cert_file, config.tls.key_file}) {
    if (!path.empty()) watched_files_.push_back(path);
  }
}

Task<void> Gateway::watch_config() {
  FileWatch watch;
  static_cast<void>(watch.changed(watched_files_));
  while (true) {
    co_await SleepUntil(first().loop, first().loop.now() + watch_interval);
    if (watch.changed(watched_files_)) reload();
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

Task<void> Gateway::drain() {
  const DrainConfig settings = control_->snapshot()->config.drain;
  EpollLoop& loop = first().loop;
  log_.info("draining", {{"connections", first().server.connections()}});
  co_await SleepUntil(loop, loop.now() + settings.lame_duck);
  phase_ = Phase::draining;
  worker_drained_ = std::make_unique<WaitSlot>(loop.run_queue());
  workers_draining_ = workers_.size();
  for (const auto& worker : workers_) {
    worker->loop.post([this, &one = *worker] { one.tasks.spawn(drain_worker(one)); });
  }
  const TimePoint deadline = deadline_after(loop.now(), settings.timeout);
  while (workers_draining_ != 0) {
    const Wake wake = co_await Wait(loop, *worker_drained_, deadline);
    if (wake == Wake::timed_out) break;
  }
  log_.info(workers_draining_ == 0 ? "drained" : "drain.timeout reached; cutting what is left");
  end();
}

Task<void> Gateway::drain_worker(Worker& worker) {
  worker.stop_listening();
  worker.server.drain();
  while (worker.count.held() != 0) {
    co_await Wait(worker.loop, worker.count.freed(), never);
  }
  co_await worker.server.send_traces(worker.loop.now() + trace_time);
  first().loop.post([this] {
    --workers_draining_;
    worker_drained_->signal_all();
  });
}

void Gateway::end() {
  phase_ = Phase::ended;
  for (const auto& worker : workers_)
    worker->loop.stop();
}

void print_problems(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) {
    std::fprintf(stderr, "%s\n", format_problem(problem).c_str());
  }
}

bool file_exists(const char* path) {
  struct stat status{};
  return ::stat(path, &status) == 0;
}

}  // namespace

int serve(const ServeOptions& options) {
  std::string path = options.config_path;
  if (path.empty() && file_exists(default_config_path)) path = default_config_path;
  Config config;
  if (path.empty()) {
    config = discovery_config(config.listen, options.admin.value_or(config.admin));
  } else {
    ConfigReading reading = read_config_file(path);
    if (!reading.ok()) {
      print_problems(reading.problems);
      return exit_config;
    }
    config = std::move(reading.config);
    if (options.admin) config.admin = *options.admin;
  }
  Gateway gateway(std::move(config), std::move(path), options.admin.has_value());
  return gateway.run();
}

}  // namespace rocket
