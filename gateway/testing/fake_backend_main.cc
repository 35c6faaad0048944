#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "net/epoll_loop.h"
#include "net/file_descriptor.h"
#include "net/listener.h"
#include "net/socket_stream.h"
#include "testing/fake_backend.h"

// A fake model server on a real socket, for tests from outside the process. Prints a JSON line
// {"port": N} once it listens, and its counters when SIGTERM or SIGINT ends it. With
// --fault-on-signal a SIGUSR1 has the fault begin, and the next has it end.
namespace rocket {
namespace {

// Closing a socket that does not linger sends a reset.
void reset_socket(ByteStream& stream) {
  const linger none{.l_onoff = 1, .l_linger = 0};
  const int fd = static_cast<SocketStream&>(stream).fd();
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

nlohmann::ordered_json to_json(const FakeCounters& counters) {
  return {{"connections", counters.connections}, {"requests", counters.requests},
          {"probes", counters.probes},           {"malformed", counters.malformed},
          {"in_flight", counters.in_flight},     {"in_flight_max", counters.in_flight_max},
          {"played", counters.played},           {"aborted", counters.aborted}};
}

void print(const nlohmann::ordered_json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

// What the command line says, as one object of overrides.
struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string kind = "llama_cpp";
  std::string fake = "{}";
  bool fault_on_signal = false;
  FakeScript script;
};

Result<FakeScript> script_of(const Options& options) {
  FakeScript script = options.script;
  const auto kind = fake_kind(options.kind);
  if (!kind) return fail(ErrorCode::invalid_field, "no such kind: " + options.kind);
  script.kind = *kind;
  return with_overrides(std::move(script), nlohmann::json::parse(options.fake, nullptr, false));
}

// Has a fault come and go with SIGUSR1, which is to be blocked before.
class FaultSwitch final : private EventSink {
 public:
  FaultSwitch(EpollLoop& loop, FakeBackend& fake)
      : fake_(fake),
        fault_(std::exchange(fake.script().fault, Fault::none)),
        fd_(::signalfd(-1, &signals(), SFD_NONBLOCK | SFD_CLOEXEC)) {
    ROCKET_ASSERT(fd_ && loop.watch(fd_.get(), EPOLLIN, *this));
  }

  static void block() { ::pthread_sigmask(SIG_BLOCK, &signals(), nullptr); }

 private:
  [[nodiscard]] static const sigset_t& signals() {
    static const sigset_t set = [] {
      sigset_t one;
      ::sigemptyset(&one);
      ::sigaddset(&one, SIGUSR1);
      return one;
    }();
    return set;
  }
  void on_events(std::uint32_t) override {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
      Fault& fault = fake_.script().fault;
      fault = fault == Fault::none ? fault_ : Fault::none;
    }
  }

  FakeBackend& fake_;
  Fault fault_;
  FileDescriptor fd_;
};

EpollLoop* running = nullptr;

int serve(const Options& options) {
  const Result<FakeScript> script = script_of(options);
  if (!script) {
    std::fprintf(stderr, "fake_backend: %s\n", script.error().detail.c_str());
    return 2;
  }
  Result<FileDescriptor> socket = listen_tcp(options.host, options.port, false);
  if (!socket) {
    std::fprintf(stderr, "fake_backend: %s\n", socket.error().detail.c_str());
    return 3;
  }
  const std::uint16_t port = local_port(*socket);
  EpollLoop loop;
  FakeBackend fake(loop, *script, reset_socket);
  std::optional<FaultSwitch> fault_switch;
  if (options.fault_on_signal) {
    FaultSwitch::block();
    fault_switch.emplace(loop, fake);
  }
  ConnectionCount count(loop.run_queue(), 100'000);
  Listener listener(loop, std::move(*socket), count);
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(listener.accept_all(
      [&](std::unique_ptr<ByteStream> stream) { tasks.spawn(fake.serve(std::move(stream))); }));
  running = &loop;
  for (const int signal : {SIGTERM, SIGINT}) {
    std::signal(signal, [](int) { running->stop(); });
  }
  print({{"port", port}});
  loop.run();
  print(to_json(fake.counters()));
  return 0;
}

}  // namespace
}  // namespace rocket

int main(int argc, char** argv) {
  rocket::Options options;
  std::string fault = "none";
  CLI::App app("A fake model server that fails in every listed way.");
  app.add_option("--host", options.host, "where to listen");
  app.add_option("--port", options.port, "0: any free port");
  app.add_option("--kind", options.kind, "llama_cpp, ollama, vllm, lmstudio or anthropic");
  app.add_option("--models", options.script.models, "their names")->delimiter(',');
  app.add_option("--loaded", options.script.loaded, "those that are loaded")->delimiter(',');
  app.add_option("--fault", fault, "what to do wrong; one of testing/fake_script.h");
  app.add_option("--fake", options.fake,
                 R"(more of the script: {"tokens": 8, "event_delay_ms": 5})");
  app.add_flag("--fault-probes", options.script.fault_probes, "the fault strikes probes too");
  app.add_flag("--fault-on-signal", options.fault_on_signal,
               "the fault begins with SIGUSR1 and ends with the next");
  CLI11_PARSE(app, argc, argv);
  const auto named = rocket::fault_named(fault);
  if (!named) {
    std::fprintf(stderr, "fake_backend: no such fault: %s\n", fault.c_str());
    return 2;
  }
  options.script.fault = *named;
  return rocket::serve(options);
}
