#include "testing/simulation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "testing/sim_gateway.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

// Long enough to wait for a first token at every endpoint, one after the other.
constexpr Duration total_timeout = std::chrono::seconds(150);

// A backend that stays well all along, whatever happens to the others.
constexpr const char* sound_name = "sound";

struct Sent {
  std::unique_ptr<SimRequest> request;
  bool stream = false;
  bool hung_up = false;
  TimePoint hang_up_at = never;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : random_(seed),
        has_sound_(chance(0.7)),
        specs_(make_specs()),
        gateway_(seed, specs_, config()) {}

  std::string run() {
    const std::uint64_t steps = 5 + random_.uniform(25);
    for (std::uint64_t i = 0; i < steps && failure_.empty(); ++i)
      step();
    settle();
    for (const Sent& sent : sent_)
      check(sent);
    check_upstreams();
    sent_.clear();
    const std::string left = gateway_.leftovers();
    if (!left.empty()) note("left in the end: " + left);
    return failure_;
  }

 private:
  bool chance(double share) { return random_.unit() < share; }
  Duration up_to(std::uint64_t ms) { return std::chrono::milliseconds(random_.uniform(ms + 1)); }

  void note(const std::string& failure) {
    if (failure_.empty()) failure_ = failure;
  }

  Config config() {
    Config config;
    config.timeouts.total = total_timeout;
    config.timeouts.first_token = 2s + up_to(3000);
    config.timeouts.idle = 1s + up_to(3000);
    config.heartbeat = chance(0.5) ? 500ms + up_to(2000) : 0s;
    // Bounds of its own, which have tests of their own, would make failures visible.
    config.retry.attempts = 100;
    config.retry.budget_min = 1000;
    return config;
  }

  FakeScript random_script() {
    static const std::vector<Fault> faults = all_faults();
    FakeScript script;
    script.head_delay = up_to(200);
    script.event_delay = up_to(100);
    script.tokens = random_.uniform(12);
    script.at = random_.uniform(8);
    script.answer_bytes = chance(0.1) ? random_.uniform(200'000) : 0;
    if (chance(0.6)) script.fault = faults[random_.uniform(faults.size())];
    if (chance(0.2)) script.keep_alive = up_to(3000);
    if (chance(0.3)) script.at_byte = random_.uniform(3000);
    return script;
  }

  std::vector<SimGateway::BackendSpec> make_specs() {
    std::vector<SimGateway::BackendSpec> specs;
    const std::uint64_t count = 1 + random_.uniform(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      SimGateway::BackendSpec spec{
          .name = "b" + std::to_string(i), .endpoints = {}, .default_model = "fake-model"};
      const std::uint64_t endpoints = 1 + random_.uniform(3);
      for (std::uint64_t k = 0; k < endpoints; ++k)
        spec.endpoints.push_back(random_script());
      specs.push_back(std::move(spec));
    }
    if (has_sound_) {
      FakeScript sound;
      sound.event_delay = up_to(50);
      specs.push_back({.name = sound_name, .endpoints = {sound}, .default_model = "fake-model"});
    }
    return specs;
  }

  // One thing happens, then some time passes.
  void step() {
    const std::uint64_t what = random_.uniform(10);
    if (what < 6) {
      send();
    } else if (what < 8) {
      disturb();
    } else if (what == 8 && chance(0.5)) {
      Config same = gateway_.control.snapshot()->config;
      same.timeouts.idle = 1s + up_to(3000);
      if (!gateway_.control.apply(same)) note("a good configuration was refused");
    }
    pass(up_to(chance(0.2) ? 6000 : 300));
  }

  void send() {
    Sent sent;
    sent.stream = chance(0.6);
    const bool chunked = chance(0.2);
    std::string bytes = sim_chat(sent.stream);
    if (chunked) bytes = as_chunked(bytes);
    if (chance(0.25)) sent.hang_up_at = gateway_.loop.now() + up_to(3000);
    sent.request = gateway_.send(std::move(bytes));
    sent_.push_back(std::move(sent));
  }

  // The same request with its body in chunks of random sizes.
  std::string as_chunked(const std::string& sized) {
    const size_t head_end = sized.find("Content-Length");
    const std::string body = sized.substr(sized.find("\r\n\r\n") + 4);
    std::string bytes = sized.substr(0, head_end) + "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size();) {
      const size_t size = std::min<size_t>(1 + random_.uniform(20), body.size() - at);
      append_chunk_prefix(bytes, size);
      bytes += body.substr(at, size) + "\r\n";
      at += size;
    }
    return bytes + "0\r\n\r\n";
  }

  void disturb() {
    const SimGateway::BackendSpec& spec = specs_[random_.uniform(specs_.size())];
    if (spec.name == sound_name) return;
    const size_t endpoint = random_.uniform(spec.endpoints.size());
    SimLink& link = gateway_.link(spec.name, endpoint);
    switch (random_.uniform(7)) {
      case 0: gateway_.refuse(spec.name, endpoint); break;
      case 1: link.connect = SimLink::Connect::black_hole; break;
      case 2: link.connect = SimLink::Connect::accept; break;
      case 3: link.split_reads = !link.split_reads; break;
      case 4: link.bytes_per_second = chance(0.5) ? 1000 + random_.uniform(100'000) : 0; break;
      case 5: gateway_.fake(spec.name, endpoint).script() = random_script(); break;
      default: {
        FakeBackend& fake = gateway_.fake(spec.name, endpoint);
        fake.script().healthy = !fake.script().healthy;
      }
    }
  }

  void pass(Duration time) {
    const TimePoint end = gateway_.loop.now() + time;
    while (gateway_.loop.now() < end) {
      TimePoint next = end;
      for (const Sent& sent : sent_) {
        if (!sent.hung_up && !sent.request->ended()) next = std::min(next, sent.hang_up_at);
      }
      gateway_.loop.run_until(std::max(next, gateway_.loop.now()));
      for (Sent& sent : sent_) {
        if (sent.hung_up || sent.request->ended() || sent.hang_up_at > gateway_.loop.now())
          continue;
        sent.request->abort();
        sent.hung_up = true;
      }
    }
  }

  // Lets every request end, as each must within its deadline.
  void settle() { pass(total_timeout + 40s); }

  void check(const Sent& sent) {
    const SimRequest& request = *sent.request;
    if (sent.hung_up) return;
    if (!request.ended()) return note("a request has not ended within its deadline");
    if (request.status() == 0) return note("a connection was closed without an answer");
    if (sent.stream && request.status() == 200) return check_stream(request);
    if (!request.whole()) return note("an answer that is not a stream was cut");
    const auto body = nlohmann::json::parse(request.body(), nullptr, false);
    if (body.is_discarded()) return note("an answer is not JSON");
    if (request.status() == 200) {
      if (!body.contains("_backend")) note("an answer does not say who gave it");
      return;
    }
    if (!body.contains("error")) note("an error does not say what is wrong");
    if (has_sound_) note("a failure before the commit was visible: " + request.body());
  }

  void check_stream(const SimRequest& request) {
    const std::string& body = request.body();
    const size_t done = body.find("data: [DONE]\n\n");
    if (done == std::string::npos) {
      if (request.whole()) note("a stream without [DONE] ended as if it were whole");
      if (!request.has_error()) note("a broken stream does not say so");
      return;
    }
    if (!request.whole()) note("a stream with [DONE] was cut");
    if (request.has_error()) note("a stream with [DONE] holds an error");
    if (done + 14 != body.size()) note("something follows [DONE]");
    const std::string text = request.text();
    // Tokens are numbered: whatever the script was, they come in order, none twice or missing.
    std::uint64_t expected = 0;
    for (size_t at = text.find("word"); at != std::string::npos; at = text.find("word", at + 4)) {
      if (std::strtoull(text.c_str() + at + 4, nullptr, 10) != expected++) {
        return note("tokens are out of order: " + text.substr(0, 200));
      }
    }
  }

  void check_upstreams() {
    for (const SimGateway::BackendSpec& spec : specs_) {
      for (size_t k = 0; k < spec.endpoints.size(); ++k) {
        if (gateway_.fake(spec.name, k).counters().malformed != 0) {
          note("an upstream was sent something that is not canonical");
        }
      }
    }
  }

  Random random_;
  bool has_sound_;
  std::vector<SimGateway::BackendSpec> specs_;
  SimGateway gateway_;
  std::vector<Sent> sent_;
  std::string failure_;
};

}  // namespace

std::string simulate(std::uint64_t seed) {
  Simulation simulation(seed);
  return simulation.run();
}

}  // namespace rocket
