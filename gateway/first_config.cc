#include "first_config.h"

#include <fcntl.h>

#include <optional>
#include <utility>

#include "admin/control_operations.h"
#include "config_reader.h"
#include "net/signals.h"
#include "policy/router.h"
#include "worker.h"

namespace rocket {
namespace {

constexpr int exit_drained = 0;
constexpr int exit_bind = 3;

class Waiting {
 public:
  Waiting(const ListenAddress& admin, int access_fd, Log& log)
      : log_(log),
        bodies_(waiting_config(admin).limits.bodies_in_flight_bytes.bytes),
        config_(waiting_config(admin)),
        worker_(0, {metrics_, bodies_, bells_, access_fd}, 0),
        reader_(worker_.loop) {}

  std::expected<FirstConfig, int> run();

 private:
  static Config waiting_config(const ListenAddress& admin) {
    Config config;
    config.admin = admin;
    return config;
  }
  bool listen();
  void add_operations();
  [[nodiscard]] Task<Configured> configure(std::string text);
  [[nodiscard]] Configured take_up(ConfigReading reading, std::string text);
  [[nodiscard]] Configured refuse(int status, std::vector<Problem> problems);
  [[nodiscard]] Task<void> leave_when_told();
  void leave(int status) {
    status_ = status;
    worker_.loop.stop();
  }

  Log& log_;
  ByteBudget bodies_;
  Metrics metrics_{1};
  Bells bells_;
  Config config_;
  Worker worker_;
  ConfigReader reader_;
  FileDescriptor admin_;
  std::optional<FirstConfig> first_;
  int status_ = exit_drained;
};

bool Waiting::listen() {
  auto fd = open_admin_socket(config_);
  if (!fd) {
    log_.error(fd.error().detail, {{"remedy", listen_remedy}});
    return false;
  }
  admin_ = *std::move(fd);
  FileDescriptor listened(::fcntl(admin_.get(), F_DUPFD_CLOEXEC, 0));
  if (!listened) {
    log_.error("no descriptor left for the admin port");
    return false;
  }
  worker_.admin_on_unix = !config_.admin.unix_path.empty();
  worker_.listen(std::move(listened), worker_.admin);
  return true;
}

void Waiting::add_operations() {
  worker_.admin.add(
      {Method::get, "/health", Operation::health,
       [](Call& call) -> Task<void> {
         call.send_json(
             200,
             R"({"status":"waiting","ready":false,"revision":0,"version":")" ROCKET_VERSION "\"}");
         co_return;
       },
       true});
  const auto end = [this] { worker_.loop.post([this] { leave(exit_drained); }); };
  add_control_operations(
      worker_.admin, {.configure = [this](std::string text) { return configure(std::move(text)); },
                      .lame_duck = [] {},  // it has not begun
                      .drain = end});
}

std::expected<FirstConfig, int> Waiting::run() {
  const auto snapshot = make_snapshot(config_, 0, nullptr);
  if (!snapshot) return std::unexpected(exit_bind);
  worker_.state.replace(*snapshot, std::make_shared<const Router>(router_input(**snapshot)));
  add_operations();
  if (!listen()) return std::unexpected(exit_bind);
  const Signals signals(worker_.loop, [this](int number) {
    if (number != SIGHUP) leave(exit_drained);
  });
  log_.info("waiting for a configuration", {{"admin", config_.admin.to_string()}});
  worker_.loop.run();
  worker_.server.cut_all();
  if (!first_) return std::unexpected(status_);
  first_->sockets.admin = std::move(admin_);
  return *std::move(first_);
}

Configured Waiting::refuse(int status, std::vector<Problem> problems) {
  for (const Problem& problem : problems)
    log_.error("configuration refused", {{"problem", format_problem(problem)}});
  return {.status = status, .problems = std::move(problems)};
}

Task<Configured> Waiting::configure(std::string text) {
  std::function<ConfigReading()> how = [text] { return read_config(text); };
  auto reading = co_await reader_.read(std::move(how));
  co_return take_up(std::move(reading), std::move(text));
}

Configured Waiting::take_up(ConfigReading reading, std::string text) {
  // Another one was quicker.
  if (first_) return refuse(409, {{"", "a configuration has just been taken", "send it again"}});
  if (!reading.ok()) return refuse(422, std::move(reading.problems));
  // Where it was told to listen, it listens.
  reading.config.admin = config_.admin;
  const auto snapshot = make_snapshot(reading.config, 1, nullptr);
  if (!snapshot) return refuse(422, {{"", snapshot.error().detail, ""}});
  if (reading.config.tls.on()) {
    const auto tls = make_tls_server(reading.config.tls.cert_file, reading.config.tls.key_file);
    if (!tls) return refuse(422, {{"tls", tls.error().detail, ""}});
  }
  auto sockets = open_data_sockets(reading.config);
  if (!sockets) {
    return refuse(409, {{"listen", sockets.error().detail, std::string(listen_remedy)}});
  }
  auto metrics = open_metrics_socket(reading.config);
  if (!metrics) {
    return refuse(409, {{"metrics_listen", metrics.error().detail, std::string(listen_remedy)}});
  }
  first_ = FirstConfig{
      std::move(reading.config), std::move(text), {*std::move(sockets), {}, *std::move(metrics)}};
  worker_.tasks.spawn(leave_when_told());
  return {.revision = 1};
}

// When the answer to whoever sent the configuration has gone out.
Task<void> Waiting::leave_when_told() {
  worker_.leave_admin_port();
  worker_.server.drain();
  const TimePoint deadline = worker_.loop.now() + std::chrono::seconds(1);
  while (worker_.admin_count.held() != 0) {
    const Wake wake = co_await Wait(worker_.loop, worker_.admin_count.freed(), deadline);
    if (wake == Wake::timed_out) break;
  }
  leave(exit_drained);
}

}  // namespace

std::expected<FirstConfig, int> wait_for_config(const ListenAddress& admin, int access_fd,
                                                Log& log) {
  Waiting waiting(admin, access_fd, log);
  return waiting.run();
}

}  // namespace rocket
