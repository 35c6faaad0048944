#include "testing/fake_backend.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "wire/request_parser.h"

namespace rocket {
namespace {

constexpr HttpLimits limits{.header_bytes = 1 << 20, .headers = 1000, .target_bytes = 1 << 16};

// Whether the fault strikes the request of that number.
bool strikes(const FakeScript& script, std::uint64_t number) {
  const auto struck = [&](std::uint64_t requests) {
    return std::floor(static_cast<double>(requests) * script.fault_share);
  };
  return struck(number) != struck(number - 1);
}

// The script for one request: what its body overrides, and what a fault of a status means.
Result<FakeScript> script_for(FakeScript script, const FakeRequest& request) {
  const auto overrides = overrides_in(nlohmann::json::parse(request.body, nullptr, false));
  if (!overrides.is_null()) {
    auto overridden = with_overrides(std::move(script), overrides);
    if (!overridden) return overridden;
    script = std::move(*overridden);
  }
  if (!strikes(script, request.number)) script.fault = Fault::none;
  switch (script.fault) {
    case Fault::status_429: script.status = 429; break;
    case Fault::status_500: script.status = 500; break;
    case Fault::status_503: script.status = 503; break;
    case Fault::status_529: script.status = 529; break;
    default: break;
  }
  const bool asks_to_wait = script.fault == Fault::status_429 || script.fault == Fault::status_503;
  if (asks_to_wait && script.retry_after.empty()) script.retry_after.assign(1, '1');
  return script;
}

std::string model_asked(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const bool named = json.is_object() && json.contains("model") && json["model"].is_string();
  return named ? json["model"].get<std::string>() : "";
}

}  // namespace

struct FakeBackend::Connection {
  Connection(FakeBackend& backend, std::unique_ptr<ByteStream> from)
      : stream(std::move(from)), counters(backend.counters_), number(++counters.connections) {
    ++counters.open_connections;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { --counters.open_connections; }

  std::unique_ptr<ByteStream> stream;
  FakeCounters& counters;
  std::uint64_t number;
  RequestParser parser{limits};
  std::string unread;
  RecordedRequest request;
};

// Counts a request for tokens from its arrival to the end of its answer.
class FakeBackend::InFlight {
 public:
  explicit InFlight(FakeCounters& counters) : counters_(counters) {
    ++counters_.requests;
    counters_.in_flight_max = std::max(counters_.in_flight_max, ++counters_.in_flight);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { --counters_.in_flight; }

  void ends(bool played) { ++(played ? counters_.played : counters_.aborted); }

 private:
  FakeCounters& counters_;
};

Task<> FakeBackend::serve(std::unique_ptr<ByteStream> stream) {
  Connection connection(*this, std::move(stream));
  while (true) {
    connection.parser.reset();
    connection.request = RecordedRequest{};
    connection.request.connection = connection.number;
    const bool whole = co_await read_request(connection);
    connection.request.complete = whole;
    if (!connection.request.raw.empty()) recorder_.record(connection.request);
    if (!whole) co_return;
    const bool keep = co_await answer(connection);
    if (!keep) co_return;
  }
}

// Whether a whole request has come.
Task<bool> FakeBackend::read_request(Connection& connection) {
  RequestParser& parser = connection.parser;
  RecordedRequest& request = connection.request;
  const TimePoint deadline = deadline_after(timers_.now(), script_.keep_alive);
  while (parser.state() != HttpParser::State::complete) {
    if (connection.unread.empty()) {
      connection.unread.resize(16384);
      const IoResult result = connection.stream->try_read(connection.unread);
      connection.unread.resize(result.bytes);
      if (result.status == IoResult::Status::would_block) {
        const TimePoint until = request.raw.empty() ? deadline : never;
        const Wake wake = co_await connection.stream->readable(until);
        if (wake == Wake::timed_out) co_return false;
        continue;
      }
      if (result.status != IoResult::Status::done) co_return false;
    }
    const bool in_head = parser.state() == HttpParser::State::head;
    const Result<std::size_t> fed = parser.feed(connection.unread);
    const std::size_t taken = fed ? *fed : connection.unread.size();
    request.raw.append(connection.unread, 0, taken);
    if (in_head) request.head.append(connection.unread, 0, taken);
    for (const std::string_view piece : parser.body())
      request.body += piece;
    connection.unread.erase(0, taken);
    if (!fed) {
      ++counters_.malformed;
      FakeAnswer error = fake_error(script_.kind, 400, fed.error().detail);
      const FakePlan refusal = fake_plan(std::move(error), FakeScript{}, false);
      const bool written = co_await write(*connection.stream, refusal.bytes());
      static_cast<void>(written);
      co_return false;
    }
    if (in_head && parser.state() == HttpParser::State::body && parser.head().expect_continue) {
      std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      const bool written = co_await write(*connection.stream, std::move(go_on));
      if (!written) co_return false;
    }
  }
  co_return true;
}

FakePlan FakeBackend::plan_for(const FakeRequest& request, const RequestHead& head) const {
  const FakeScript plain{.kind = script_.kind};
  Result<FakeScript> script = script_for(script_, request);
  if (!script) {
    return fake_plan(fake_error(plain.kind, 400, script.error().detail), plain, head.keep_alive);
  }
  if (!script->host.empty() && head.headers.find("host") != script->host) {
    FakeAnswer refusal;
    refusal.status = 403;
    return fake_plan(std::move(refusal), plain, head.keep_alive);
  }
  if (!asks_for_inference(request) && !script_.fault_probes) script->fault = Fault::none;
  const std::uint64_t most = script->concurrent;
  if (asks_for_inference(request) && most != 0 && counters_.in_flight >= most) {
    FakeAnswer refusal = fake_error(plain.kind, 429, "too many at once", request.number);
    refusal.headers.emplace_back("Retry-After", "1");
    refusal.headers.emplace_back("x-rocket-limit", "concurrent=" + std::to_string(most));
    return fake_plan(std::move(refusal), plain, head.keep_alive);
  }
  return fake_plan(fake_answer(*script, request), *script, head.keep_alive);
}

// Whether the connection is kept.
Task<bool> FakeBackend::answer(Connection& connection) {
  const RequestHead& head = connection.parser.head();
  const FakeRequest request{
      .method = head.method_name,
      .path = head.target.substr(0, head.target.find('?')),
      .body = connection.request.body,
      .number = counters_.requests + 1,
      .headers = head.headers,
  };
  FakePlan plan = plan_for(request, head);
  const bool keep = plan.end == FakePlan::End::keep;
  if (!asks_for_inference(request)) {
    ++counters_.probes;
    const bool played = co_await play(*connection.stream, std::move(plan), nullptr);
    co_return played&& keep;
  }
  InFlight in_flight(counters_);
  const bool loaded = co_await load_model(*connection.stream, model_asked(request.body));
  if (!loaded) {
    in_flight.ends(false);
    co_return false;
  }
  std::shared_ptr<void> watched =
      watch_ ? watch_({head, connection.request.body, script_}) : nullptr;
  const bool played = co_await play(*connection.stream, std::move(plan), std::move(watched));
  in_flight.ends(played);
  co_return played&& keep;
}

// As servers do that load on demand. False: the client went meanwhile.
Task<bool> FakeBackend::load_model(ByteStream& stream, std::string model) {
  std::vector<std::string>& loaded = script_.loaded;
  if (script_.load_time == Duration::zero() || std::ranges::count(loaded, model) != 0) {
    co_return true;
  }
  const bool under_way = loading_ == model && timers_.now() < loaded_at_;
  if (!under_way) {
    ++counters_.models_loaded;
    const bool full = loaded.size() >= script_.loaded_max;
    if (full && counters_.in_flight > 1) ++counters_.disturbances;
    loading_ = model;
    loaded_at_ = timers_.now() + script_.load_time;
  }
  const Duration left = loaded_at_ - timers_.now();
  const bool there = co_await pause(stream, left);
  if (std::ranges::count(loaded, model) == 0) {
    if (loaded.size() >= script_.loaded_max) loaded.erase(loaded.begin());
    loaded.push_back(std::move(model));
  }
  co_return there;
}

// Whether the plan was carried out to its end; false: the client went.
Task<bool> FakeBackend::play(ByteStream& stream, FakePlan plan, std::shared_ptr<void> watched) {
  std::string last;
  for (FakePlan::Step& step : plan.steps) {
    if (step.pause > Duration{}) {
      const bool there = co_await pause(stream, step.pause);
      if (!there) co_return false;
    }
    if (step.bytes.empty()) continue;
    if (plan.end == FakePlan::End::repeat) last = step.bytes;
    const bool written = co_await write(stream, std::move(step.bytes));
    if (!written) co_return false;
    if (step.says_last) watched.reset();
  }
  if (plan.end == FakePlan::End::keep || plan.end == FakePlan::End::close) co_return true;
  const bool played = co_await finish(stream, plan.end, std::move(last));
  co_return played;
}

Task<bool> FakeBackend::finish(ByteStream& stream, FakePlan::End end, std::string last) {
  if (end == FakePlan::End::reset) {
    // What was sent before shall arrive before.
    const bool there = co_await pause(stream, std::chrono::milliseconds(10));
    if (there) reset_(stream);
    co_return there;
  }
  while (end == FakePlan::End::repeat) {
    const bool written = co_await write(stream, last);
    if (!written) co_return false;
  }
  const bool there = co_await pause(stream, Duration::max());
  co_return there;
}

// False once the client has gone.
Task<bool> FakeBackend::write(ByteStream& stream, std::string bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    if (stream.hung_up()) co_return false;
    const iovec piece{bytes.data() + written, bytes.size() - written};
    const IoResult result = stream.try_write({&piece, 1});
    if (result.status == IoResult::Status::failed) co_return false;
    written += result.bytes;
    if (written == bytes.size()) break;
    const TimePoint soon = deadline_after(timers_.now(), std::chrono::seconds(1));
    const Wake wake = co_await stream.writable(soon);  // and then looks for a hang-up again
    static_cast<void>(wake);
  }
  co_return true;
}

// Whether the client is still there after `time`.
Task<bool> FakeBackend::pause(ByteStream& stream, Duration time) {
  if (stream.hung_up()) co_return false;
  const TimePoint deadline = deadline_after(timers_.now(), time);
  const Wake wake = co_await Wait(timers_, stream.hangup(), deadline);
  co_return wake == Wake::timed_out;
}

}  // namespace rocket
