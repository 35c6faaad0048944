#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <deque>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "net/epoll_loop.h"
#include "net/socket_dialer.h"
#include "testing/bench_wire.h"
#include "testing/ticker.h"
#include "wire/response_parser.h"
#include "wire/sse.h"

// A load generator for benchmarks: asks bench_upstream's models, itself or through a gateway, and
// prints what it saw as one JSON object. Anything but a whole answer with status 200 is an error.
namespace rocket {
namespace {

struct Options {
  std::uint16_t port = 0;
  std::string model = "small";
  bool stream = false;
  std::size_t connections = 64;
  double seconds = 2;
  double rate = 0;
  std::uint64_t requests = 0;
  std::uint16_t next_port = 0;
  std::uint64_t lot = 1;
  bool hold = false;
  bool messages = false;
};

TimePoint read_clock() {
  return std::chrono::steady_clock::now();
}

// Times, in nanoseconds.
class Samples {
 public:
  void add(Duration time) {
    constexpr Duration most(std::numeric_limits<std::uint32_t>::max());
    times_.push_back(static_cast<std::uint32_t>(std::clamp(time, Duration{}, most).count()));
  }

  // Percentiles in microseconds.
  [[nodiscard]] nlohmann::ordered_json summary() {
    if (times_.empty()) return nullptr;
    return {{"p50", at(0.5)}, {"p99", at(0.99)}, {"p999", at(0.999)}};
  }

 private:
  [[nodiscard]] double at(double share) {
    const auto rank = std::lround(share * static_cast<double>(times_.size() - 1));
    std::nth_element(times_.begin(), times_.begin() + rank, times_.end());
    return std::round(times_[static_cast<std::size_t>(rank)] / 100.0) / 10;
  }

  std::vector<std::uint32_t> times_;
};

std::string request_text(const Options& options) {
  const std::string body =
      R"({"model":")" + options.model +
      R"(","messages":[{"role":"system","content":"You are a terse assistant that answers in one )"
      R"(sentence."},{"role":"user","content":"Why is the sky blue, and why are sunsets red? )"
      R"(Answer for a child of ten years."}],"temperature":0.2,"max_tokens":128)" +
      (options.stream ? R"(,"stream":true})" : "}");
  const std::string path = options.messages ? "/v1/messages" : "/v1/chat/completions";
  return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options.port) +
         "\r\nUser-Agent: bench_client\r\nAccept: application/json\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// One streamed answer while it is read.
struct Reading {
  ResponseParser parser{HttpLimits{}};
  SseSplitter splitter{64 * 1024};
  TimePoint asked;
  std::uint64_t events = 0;
  bool done_seen = false;

  [[nodiscard]] bool complete() const { return parser.state() == HttpParser::State::complete; }
};

class Load {
 public:
  Load(EpollLoop& loop, Options options)
      : loop_(loop),
        dialer_(loop),
        options_(std::move(options)),
        request_(request_text(options_)),
        tasks_(loop.run_queue()) {}

  // Until it has been going on for as long as it should; holding: until the loop is stopped.
  [[nodiscard]] Task<> run() {
    end_ = read_clock() +
           std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options_.seconds));
    if (options_.hold) {
      for (std::size_t i = 0; i < openers; ++i)
        tasks_.spawn(open_and_hold());
    } else if (options_.rate > 0) {
      co_await send_at_rate();
    } else {
      co_await start_apart();
    }
    while (tasks_.size() > 0) {
      co_await Wait(loop_, tasks_.emptied(), never);
    }
    if (!options_.hold) loop_.stop();
  }

  [[nodiscard]] nlohmann::ordered_json summary() {
    for (const auto& held : held_)
      errors_ += held->hung_up() ? 1 : 0;
    return {{"requests", requests_},
            {"errors", errors_},
            {"latency_us", latency_.summary()},
            {"first_token_us", first_token_.summary()},
            {"events", events_},
            {"event_delay_us", event_delay_.summary()}};
  }

 private:
  // How many connections are opened at the same time: so few that what the gateway needs at the
  // peak does not pass for what it needs for a connection that is held.
  static constexpr std::size_t openers = 8;

  // The connections' first requests, spread so that paced streams do not tick in step.
  Task<> start_apart() {
    Ticker ticker(loop_, std::chrono::microseconds(50));
    for (std::size_t started = 0; started < options_.connections;) {
      co_await ticker.ticked();
      for (auto due = ticker.take(); due > 0 && started < options_.connections; --due, ++started) {
        tasks_.spawn(keep_asking());
      }
    }
  }

  Task<> keep_asking() {
    std::unique_ptr<ByteStream> stream = co_await connect();
    while (stream && goes_on()) {
      ++asked_;
      const bool whole = co_await ask(*stream);
      if (whole) continue;
      ++errors_;
      stream = co_await connect();
    }
  }

  [[nodiscard]] bool goes_on() const {
    return options_.requests != 0 ? asked_ < options_.requests : read_clock() < end_;
  }

  // Each request on the connection that has been idle longest, as if there were many clients.
  // Latency counts from the write: how late this program is does not matter, for no request waits
  // for the one before.
  Task<> send_at_rate() {
    for (std::size_t i = 0; i < options_.connections; ++i) {
      std::unique_ptr<ByteStream> stream = co_await connect();
      if (stream) idle_.push_back(std::move(stream));
    }
    Ticker ticker(loop_, std::chrono::duration_cast<Duration>(
                             std::chrono::duration<double>(1 / options_.rate)));
    while (read_clock() < end_) {
      co_await ticker.ticked();
      for (auto due = ticker.take(); due > 0; --due)
        tasks_.spawn(ask_once());
    }
  }

  Task<> ask_once() {
    std::unique_ptr<ByteStream> stream;
    if (idle_.empty()) {
      stream = co_await connect();
      if (!stream) co_return;
    } else {
      stream = std::move(idle_.front());
      idle_.pop_front();
    }
    const bool whole = co_await ask(*stream);
    if (whole) {
      idle_.push_back(std::move(stream));
    } else {
      ++errors_;
    }
  }

  // One request on each connection; a streamed answer is read on, another leaves it idle.
  Task<> open_and_hold() {
    while (opened_ < options_.connections) {
      ++opened_;
      std::unique_ptr<ByteStream> stream = co_await connect();
      if (!stream) continue;
      bool good = true;
      if (options_.stream) {
        auto reading = std::make_unique<Reading>();
        good = co_await begin_stream(*stream, *reading);
        if (good) tasks_.spawn(read_on(*stream, std::move(reading)));
      } else {
        good = co_await ask(*stream);
      }
      if (!good) ++errors_;
      held_.push_back(std::move(stream));
      if (held_.size() == options_.connections) {
        std::printf("{\"held\": %zu}\n", held_.size());
        std::fflush(stdout);
      }
    }
  }

  Task<bool> begin_stream(ByteStream& stream, Reading& reading) {
    reading.asked = read_clock();
    bool good = co_await bench_write(stream, request_);
    while (good && reading.events == 0) {
      good = co_await read_some(stream, reading);
    }
    co_return good;
  }

  Task<> read_on(ByteStream& stream, std::unique_ptr<Reading> reading) {
    bool good = true;
    while (good) {
      good = co_await read_some(stream, *reading);
    }
    ++errors_;
  }

  Task<std::unique_ptr<ByteStream>> connect() { return connect(options_.port); }

  Task<std::unique_ptr<ByteStream>> connect(std::uint16_t port) {
    Address address{.host = "127.0.0.1", .port = port, .tls = false, .ca_file = {}};
    auto stream = co_await dialer_.dial(std::move(address), loop_.now() + std::chrono::seconds(5));
    if (stream) co_return std::move(*stream);
    ++errors_;
    co_return nullptr;
  }

  // One request and its answer. False: it was no good, and neither is the connection.
  Task<bool> ask(ByteStream& stream) {
    bool whole = false;
    if (options_.stream) {
      Reading reading;
      whole = co_await begin_stream(stream, reading);
      for (std::uint64_t lots = 1; whole && !reading.complete();) {
        if (options_.next_port != 0 && reading.events >= lots * options_.lot) {
          ++lots;
          whole = co_await ask_for_next();
        } else {
          whole = co_await read_some(stream, reading);
        }
      }
      whole = whole && reading.done_seen;
    } else {
      const TimePoint asked = read_clock();
      whole = co_await ask_plainly(stream, request_);
      if (whole) latency_.add(read_clock() - asked);
    }
    if (whole) ++requests_;
    co_return whole;
  }

  // Has the upstream's streams go on by one lot.
  Task<bool> ask_for_next() {
    static const std::string request = "GET /next HTTP/1.1\r\nHost: upstream\r\n\r\n";
    if (!upstream_) upstream_ = co_await connect(options_.next_port);
    if (!upstream_) co_return false;
    const bool whole = co_await ask_plainly(*upstream_, request);
    co_return whole;
  }

  Task<bool> ask_plainly(ByteStream& stream, std::string_view request) {
    const bool sent = co_await bench_write(stream, request);
    if (!sent) co_return false;
    std::string held;
    while (true) {
      if (stream.empty()) {
        co_await stream.readable(never);
      }
      const IoResult got = stream.try_read(loop_.scratch());
      if (got.status == IoResult::Status::would_block) continue;
      if (got.status != IoResult::Status::done) co_return false;
      std::string_view bytes(loop_.scratch().data(), got.bytes);
      if (!held.empty()) bytes = held += bytes;
      const auto size = bench_message_size(bytes);
      if (size && bytes.size() >= *size) {
        co_return bench_answer_ok(bytes) && bytes.size() == *size;
      }
      if (held.empty()) held = bytes;
    }
  }

  // One read of a streamed answer.
  Task<bool> read_some(ByteStream& stream, Reading& reading) {
    if (stream.empty()) {
      co_await stream.readable(never);
    }
    const IoResult got = stream.try_read(loop_.scratch());
    if (got.status == IoResult::Status::would_block) co_return true;
    if (got.status != IoResult::Status::done) co_return false;
    co_return take({loop_.scratch().data(), got.bytes}, reading);
  }

  bool take(std::string_view bytes, Reading& reading) {
    const TimePoint now = read_clock();
    while (!bytes.empty() && !reading.complete()) {
      const auto fed = reading.parser.feed(bytes);
      if (!fed) return false;
      if (reading.parser.state() != HttpParser::State::head &&
          reading.parser.head().status != 200) {
        return false;
      }
      for (const std::string_view piece : reading.parser.body()) {
        const auto split =
            reading.splitter.feed(piece, [&](const SseEvent& event) { note(event, now, reading); });
        if (!split) return false;
      }
      bytes.remove_prefix(*fed);
    }
    return true;
  }

  void note(const SseEvent& event, TimePoint now, Reading& reading) {
    if (event.data == "[DONE]" || event.data.contains("message_stop")) reading.done_seen = true;
    const std::string_view key = options_.messages ? R"("text_delta","text":")" : R"("content":")";
    const std::size_t at = event.data.find(key);
    if (at == std::string_view::npos) return;
    std::int64_t stamp = 0;
    const std::string_view digits = event.data.substr(at + key.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), stamp);
    event_delay_.add(now.time_since_epoch() - Duration(stamp));
    if (reading.events++ == 0) first_token_.add(now - reading.asked);
    ++events_;
  }

  EpollLoop& loop_;
  SocketDialer dialer_;
  const Options options_;
  const std::string request_;
  TimePoint end_;

  std::uint64_t asked_ = 0;  // by keep_asking()
  std::uint64_t requests_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t events_ = 0;
  Samples latency_;
  Samples first_token_;
  Samples event_delay_;

  std::size_t opened_ = 0;
  std::unique_ptr<ByteStream> upstream_;
  std::deque<std::unique_ptr<ByteStream>> idle_;
  std::vector<std::unique_ptr<ByteStream>> held_;
  TaskGroup tasks_;
};

EpollLoop* running = nullptr;

int generate(const Options& options) {
  EpollLoop loop;
  Load load(loop, options);
  running = &loop;
  for (const int signal : {SIGTERM, SIGINT}) {
    std::signal(signal, [](int) { running->stop(); });
  }
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(load.run());
  loop.run();
  std::printf("%s\n", load.summary().dump().c_str());
  return 0;
}

}  // namespace
}  // namespace rocket

int main(int argc, char** argv) {
  rocket::Options options;
  CLI::App app("Asks for chat completions and measures how they come.");
  app.add_option("--port", options.port, "on 127.0.0.1")->required();
  app.add_option("--model", options.model, "one of bench_upstream's");
  app.add_flag("--stream", options.stream, "ask for a stream; the model must be one that streams");
  app.add_option("--connections", options.connections, "each asks again when it is answered");
  app.add_option("--seconds", options.seconds, "no new request after that");
  app.add_option("--rate", options.rate, "requests per second, whether answered or not");
  app.add_option("--requests", options.requests,
                 "end after so many instead, however long they take; not with --rate");
  app.add_option("--next-port", options.next_port,
                 "ask bench_upstream there for the next lot whenever one has come");
  app.add_option("--lot", options.lot, "how many events that is");
  app.add_flag("--messages", options.messages, "as a client of Anthropic's /v1/messages");
  app.add_flag("--hold", options.hold,
               "one request per connection, then print {\"held\": N} and hold all until SIGTERM");
  CLI11_PARSE(app, argc, argv);
  return rocket::generate(options);
}
