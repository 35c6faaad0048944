#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "net/epoll_loop.h"
#include "net/listener.h"
#include "testing/bench_wire.h"
#include "testing/ticker.h"

// The fastest model server there is: answers that were written before they were asked for, and
// streams of events that carry the time at which they left. For benchmarks, where the upstream
// must never be what is measured. Prints {"port": N} once it listens; ends on SIGTERM.
//
// The model says what the answer is like:
//   small, large  a completion of 600 or 8192 bytes
//   paced         a stream of 100 events, one each 10 ms
//   step, steps   a stream of 100 lots of one or of 32 events; each lot, and then the end, leaves
//                 when somebody asks for /next on another connection: nothing depends on time
//   brief         a stream of 2 events, 5 ms apart
//   slow          an event each second until the client has enough, or --slow-events of them
//   flood         1024 events as fast as the client takes them, each written by itself
//   burst         the same, 32 to a write
namespace rocket {
namespace {

constexpr std::size_t small_bytes = 600;
constexpr std::size_t large_bytes = 8192;
constexpr std::size_t stamp_digits = 20;

std::string with_head(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string completion(std::string_view model, std::size_t size) {
  const std::string before =
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":")" +
      std::string(model) + R"(","choices":[{"index":0,"message":{"role":"assistant","content":")";
  const std::string after = R"("},"finish_reason":"stop"}],)"
                            R"("usage":{"prompt_tokens":42,"completion_tokens":128,)"
                            R"("total_tokens":170}})";
  return before + std::string(size - before.size() - after.size(), 'x') + after;
}

std::string models() {
  std::string list;
  for (const std::string_view name :
       {"small", "large", "paced", "step", "steps", "brief", "slow", "flood", "burst"}) {
    if (!list.empty()) list += ',';
    list += R"({"id":")" + std::string(name) +
            R"(","object":"model","created":1700000000,"owned_by":"bench"})";
  }
  return R"({"object":"list","data":[)" + list + "]}";
}

std::string chunk(std::string_view bytes) {
  std::array<char, 24> size{};
  const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return std::string(size.data(), static_cast<std::size_t>(digits)) + std::string(bytes) + "\r\n";
}

std::string event(std::string_view choices, std::string_view usage) {
  return R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,)"
         R"("model":"bench","choices":[)" +
         std::string(choices) + "]" + std::string(usage) + "}\n\n";
}

// How one model streams.
struct Pace {
  std::size_t writes;
  std::size_t events_per_write;
  Duration between;
  bool on_demand = false;  // a write for each /next
};

constexpr Pace paced{
    .writes = 100, .events_per_write = 1, .between = std::chrono::milliseconds(10)};
constexpr Pace step{.writes = 100, .events_per_write = 1, .between = {}, .on_demand = true};
constexpr Pace steps{.writes = 100, .events_per_write = 32, .between = {}, .on_demand = true};
constexpr Pace brief{.writes = 2, .events_per_write = 1, .between = std::chrono::milliseconds(5)};
constexpr Pace flood{.writes = 1024, .events_per_write = 1, .between = {}};
constexpr Pace burst{.writes = 32, .events_per_write = 32, .between = {}};

// Chunks of one event each, whose content is the time of the last call of stamp().
class StampedEvents {
 public:
  explicit StampedEvents(std::size_t count) {
    const std::string zeros(stamp_digits, '0');
    const std::string one = chunk(
        event(R"({"index":0,"delta":{"content":")" + zeros + R"("},"finish_reason":null})", ""));
    first_stamp_ = one.find(zeros);
    event_size_ = one.size();
    for (std::size_t i = 0; i < count; ++i)
      bytes_ += one;
  }

  std::string_view stamp(TimePoint now) {
    std::array<char, stamp_digits + 1> digits{};
    std::snprintf(digits.data(), digits.size(), "%020lld",
                  static_cast<long long>(now.time_since_epoch().count()));
    for (std::size_t at = first_stamp_; at < bytes_.size(); at += event_size_) {
      bytes_.replace(at, stamp_digits, digits.data(), stamp_digits);
    }
    return bytes_;
  }

 private:
  std::string bytes_;
  std::size_t first_stamp_ = 0;
  std::size_t event_size_ = 0;
};

class Upstream {
 public:
  Upstream(EpollLoop& loop, std::size_t slow_events)
      : loop_(loop),
        slow_{.writes = slow_events, .events_per_write = 1, .between = std::chrono::seconds(1)} {}

  // Serves one connection until the client ends it.
  [[nodiscard]] Task<> serve(std::unique_ptr<ByteStream> stream) {
    std::string held;
    while (true) {
      const Request request = co_await read_request(*stream, held);
      bool alive = request.kind != Request::Kind::none;
      if (request.kind == Request::Kind::plain) {
        alive = co_await bench_write(*stream, *request.answer);
      } else if (request.kind == Request::Kind::stream) {
        alive = co_await play(*stream, *request.pace);
      }
      if (!alive) co_return;
    }
  }

 private:
  struct Request {
    enum class Kind : unsigned char { none, plain, stream };
    Kind kind = Kind::none;
    const std::string* answer = nullptr;
    const Pace* pace = nullptr;
  };

  // `held`: what came of a request that is not whole yet.
  Task<Request> read_request(ByteStream& stream, std::string& held) {
    while (true) {
      if (stream.empty()) {
        co_await stream.readable(never);
      }
      const IoResult got = stream.try_read(loop_.scratch());
      if (got.status == IoResult::Status::would_block) continue;
      if (got.status != IoResult::Status::done) co_return Request{};
      std::string_view bytes(loop_.scratch().data(), got.bytes);
      if (!held.empty()) bytes = held += bytes;
      const auto size = bench_message_size(bytes);
      if (size && bytes.size() >= *size) {
        const Request request = request_of(bytes);
        held.clear();
        co_return request;
      }
      if (held.empty()) held = bytes;
    }
  }

  [[nodiscard]] Request request_of(std::string_view bytes) {
    if (bytes.starts_with("GET /next ")) {
      next_.signal_all();
      return plain(models_);
    }
    if (bytes.starts_with("GET ")) return plain(models_);
    constexpr std::string_view key = R"("model":)";
    std::size_t at = bytes.find(key);
    if (at == std::string_view::npos) return {};
    at = bytes.find('"', at + key.size());
    if (at == std::string_view::npos) return {};
    const std::string_view model = bytes.substr(at + 1);
    if (model.starts_with("small\"")) return plain(small_);
    if (model.starts_with("large\"")) return plain(large_);
    if (model.starts_with("paced\"")) return streamed(paced);
    if (model.starts_with("step\"")) return streamed(step);
    if (model.starts_with("steps\"")) return streamed(steps);
    if (model.starts_with("brief\"")) return streamed(brief);
    if (model.starts_with("slow\"")) return streamed(slow_);
    if (model.starts_with("flood\"")) return streamed(flood);
    if (model.starts_with("burst\"")) return streamed(burst);
    return {};
  }

  static Request plain(const std::string& answer) {
    return {.kind = Request::Kind::plain, .answer = &answer};
  }
  static Request streamed(const Pace& pace) {
    return {.kind = Request::Kind::stream, .pace = &pace};
  }

  // The first event leaves with the head, at once.
  Task<bool> play(ByteStream& stream, const Pace& pace) {
    std::optional<Ticker> ticker;
    if (pace.between > Duration{}) ticker.emplace(loop_, pace.between);
    std::string first = stream_head_;
    first += stamped(pace, std::chrono::steady_clock::now());
    bool alive = co_await bench_write(stream, first);
    for (std::size_t sent = 1; alive && sent < pace.writes;) {
      std::uint64_t due = 1;
      if (ticker) {
        co_await ticker->ticked();
        due = ticker->take();
      } else if (pace.on_demand) {
        co_await Wait(loop_, next_, never);
      }
      for (; alive && due > 0 && sent < pace.writes; --due, ++sent) {
        // A copy: other streams stamp the same bytes while this write waits.
        std::string bytes(stamped(pace, std::chrono::steady_clock::now()));
        alive = co_await bench_write(stream, bytes);
      }
    }
    if (alive && pace.on_demand) {
      co_await Wait(loop_, next_, never);
    }
    if (alive) alive = co_await bench_write(stream, stream_end_);
    co_return alive;
  }

  [[nodiscard]] std::string_view stamped(const Pace& pace, TimePoint now) {
    return pace.events_per_write == 1 ? one_event_.stamp(now) : burst_events_.stamp(now);
  }

  EpollLoop& loop_;
  const Pace slow_;
  WaitSlot next_{loop_.run_queue()};  // signalled by whoever asks for /next
  const std::string models_ = with_head(models());
  const std::string small_ = with_head(completion("small", small_bytes));
  const std::string large_ = with_head(completion("large", large_bytes));
  const std::string stream_head_ =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string stream_end_ =
      chunk(event(R"({"index":0,"delta":{},"finish_reason":"stop"})", "")) +
      chunk(event("",
                  R"(,"usage":{"prompt_tokens":42,"completion_tokens":128,"total_tokens":170})")) +
      chunk("data: [DONE]\n\n") + "0\r\n\r\n";
  StampedEvents one_event_{1};
  StampedEvents burst_events_{burst.events_per_write};
};

EpollLoop* running = nullptr;

int serve(std::uint16_t port, std::size_t slow_events) {
  Result<FileDescriptor> socket = listen_tcp("127.0.0.1", port, false);
  if (!socket) {
    std::fprintf(stderr, "bench_upstream: %s\n", socket.error().detail.c_str());
    return 3;
  }
  const std::uint16_t bound = local_port(*socket);
  EpollLoop loop;
  Upstream upstream(loop, slow_events);
  ConnectionCount count(loop.run_queue(), 100'000);
  Listener listener(loop, std::move(*socket), count);
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(listener.accept_all(
      [&](std::unique_ptr<ByteStream> stream) { tasks.spawn(upstream.serve(std::move(stream))); }));
  running = &loop;
  for (const int signal : {SIGTERM, SIGINT}) {
    std::signal(signal, [](int) { running->stop(); });
  }
  std::printf("{\"port\": %u}\n", static_cast<unsigned>(bound));
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace
}  // namespace rocket

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::size_t slow_events = 100'000;
  CLI::App app("A model server that costs next to nothing, for benchmarks.");
  app.add_option("--port", port, "0: any free port");
  app.add_option("--slow-events", slow_events, "the length of a stream of the model `slow`");
  CLI11_PARSE(app, argc, argv);
  return rocket::serve(port, slow_events);
}
