#include "testing/sim_gateway.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "wire/response_parser.h"
#include "wire/sse.h"

namespace rocket {
namespace {

constexpr const char* gateway_host = "gateway";
constexpr std::uint16_t gateway_port = 8000;
constexpr std::uint16_t first_port = 8000;

std::uint16_t port_of(size_t endpoint) {
  return static_cast<std::uint16_t>(first_port + endpoint);
}

Config with_backends(Config config, const std::vector<SimGateway::BackendSpec>& specs) {
  for (const auto& spec : specs) {
    BackendConfig backend;
    backend.name = spec.name;
    backend.kind = spec.kind;
    backend.default_model = spec.default_model;
    backend.native = spec.native;
    for (size_t i = 0; i < spec.endpoints.size(); ++i) {
      backend.urls.push_back(
          {.tls = false, .host = spec.name, .port = port_of(i), .base_path = ""});
    }
    config.order.push_back(spec.name);
    config.backends.push_back(std::move(backend));
  }
  return config;
}

}  // namespace

SimRequest::SimRequest(SimLoop& loop, SimNet& net, std::string bytes, bool head_request)
    : loop_(loop), net_(net), sent_at_(loop.now()), tasks_(loop.run_queue()) {
  tasks_.spawn(run(std::move(bytes), head_request));
}

void SimRequest::abort() {
  tasks_.cancel_all();
  ended_ = true;
  ended_at_ = loop_.now();
}

Task<void> SimRequest::run(std::string bytes, bool head_request) {
  Address address{gateway_host, gateway_port, false, ""};
  auto stream = co_await net_.dialer().dial(std::move(address), never);
  if (stream) {
    co_await exchange(**stream, std::move(bytes), head_request);
  }
  ended_ = true;
  ended_at_ = loop_.now();
}

Task<void> SimRequest::exchange(ByteStream& stream, std::string bytes, bool head_request) {
  std::string_view rest = bytes;
  ResponseParser parser(HttpLimits{});
  parser.expect(head_request);
  std::vector<char> buffer(64 * 1024);
  while (true) {
    if (!rest.empty()) {
      const iovec piece{const_cast<char*>(rest.data()), rest.size()};
      const IoResult written = stream.try_write({&piece, 1});
      if (written.status == IoResult::Status::done) rest.remove_prefix(written.bytes);
      if (written.status == IoResult::Status::failed) rest = {};
      if (written.status == IoResult::Status::would_block) {
        co_await stream.writable(never);
        continue;
      }
      if (!rest.empty()) continue;
    }
    const IoResult read = stream.try_read(buffer);
    if (read.status == IoResult::Status::would_block) {
      co_await stream.readable(never);
      continue;
    }
    if (read.status != IoResult::Status::done) co_return;
    std::string_view data(buffer.data(), read.bytes);
    while (!data.empty()) {
      const auto taken = parser.feed(data);
      if (!taken) co_return;
      data.remove_prefix(*taken);
      for (const std::string_view piece : parser.body()) {
        if (first_byte_at_ == never) first_byte_at_ = loop_.now();
        body_ += piece;
      }
      if (parser.state() == ResponseParser::State::complete || *taken == 0) break;
    }
    if (parser.state() != ResponseParser::State::head) head_ = parser.head();
    if (parser.state() == ResponseParser::State::complete) {
      whole_ = true;
      co_return;
    }
  }
}

SimBytes::SimBytes(SimLoop& loop, SimNet& net, std::string bytes) : tasks_(loop.run_queue()) {
  tasks_.spawn(run(net, std::move(bytes)));
}

Task<void> SimBytes::run(SimNet& net, std::string bytes) {
  Address address{gateway_host, gateway_port, false, ""};
  auto stream = co_await net.dialer().dial(std::move(address), never);
  if (!stream) co_return;
  // Shorter than the link's buffer: it goes out whole.
  const iovec piece{bytes.data(), bytes.size()};
  if ((*stream)->try_write({&piece, 1}).bytes != bytes.size()) co_return;
  std::vector<char> buffer(64 * 1024);
  while (true) {
    const IoResult read = (*stream)->try_read(buffer);
    if (read.status == IoResult::Status::would_block) {
      co_await (*stream)->readable(never);
      continue;
    }
    if (read.status != IoResult::Status::done) co_return;
    received_.append(buffer.data(), read.bytes);
  }
}

std::string SimRequest::text() const {
  std::string text;
  SseSplitter splitter(64 * 1024 * 1024);
  const auto fed = splitter.feed(body_, [&](const SseEvent& event) {
    const auto chunk = nlohmann::json::parse(event.data, nullptr, false);
    if (!chunk.is_object() || !chunk.contains("choices")) return;
    for (const auto& choice : chunk["choices"]) {
      const auto content = choice.value("/delta/content"_json_pointer, nlohmann::json());
      if (content.is_string()) text += content.get<std::string>();
    }
  });
  return fed ? text : "unreadable";
}

SimGateway::SimGateway(std::uint64_t seed, const std::vector<BackendSpec>& specs, Config config)
    : net(loop, seed),
      fakes_tasks_(loop.run_queue()),
      scratch_(64 * 1024),
      io{loop, net.dialer(), scratch_},
      bodies(config.limits.bodies_in_flight_bytes.bytes),
      metrics(1),
      access_log(-1),
      log(-1),
      admission(loop, metrics.shard(0), bells, 0),
      state{.io = io,
            .bodies = bodies,
            .metrics = metrics.shard(0),
            .access_log = access_log,
            .random = Random(seed),
            .current = nullptr,
            .read_offs = TaskGroup(loop.run_queue()),
            .traces = TraceQueue(loop.run_queue()),
            .media = MediaPlaces(loop.run_queue()),
            .admission = admission},
      data(state),
      count(loop.run_queue(), config.limits.connections),
      server(state),
      control(state, log, [this](auto snapshot, auto router) {
        state.replace(std::move(snapshot), std::move(router));
      }) {
  for (const BackendSpec& spec : specs) {
    for (size_t i = 0; i < spec.endpoints.size(); ++i)
      add_host(spec.name, i, spec.name, spec.endpoints[i]);
  }
  add_data_operations(
      data, {.ready = [this] { return control.probed(); }, .serving = [] { return true; }});
  net.listen(gateway_host, gateway_port, [this](std::unique_ptr<ByteStream> stream) {
    server.accept(std::move(stream), data, count);
  });
  ROCKET_ASSERT(control.apply(with_backends(std::move(config), specs)).has_value());
  const TimePoint deadline = loop.now() + std::chrono::minutes(1);
  while (!control.probed() && loop.now() < deadline)
    loop.run_for(std::chrono::milliseconds(1));
}

SimGateway::~SimGateway() {
  server.cut_all();
  state.read_offs.cancel_all();
  fakes_tasks_.cancel_all();
}

void SimGateway::finish(const SimRequest& request, Duration limit) {
  const TimePoint deadline = loop.now() + limit;
  while (!request.ended() && loop.now() < deadline)
    loop.run_for(std::chrono::milliseconds(5));
}

std::unique_ptr<SimRequest> SimGateway::ask(std::string bytes, bool head_request) {
  auto request = send(std::move(bytes), head_request);
  finish(*request);
  return request;
}

FakeBackend& SimGateway::add_host(const std::string& backend, size_t endpoint, std::string machine,
                                  FakeScript script) {
  auto fake = std::make_unique<FakeBackend>(loop, std::move(script),
                                            [](ByteStream& stream) { SimStream::reset(stream); });
  FakeBackend& added = *fake;
  net.listen(machine, port_of(endpoint), [this, &added](std::unique_ptr<ByteStream> stream) {
    fakes_tasks_.spawn(added.serve(std::move(stream)));
  });
  hosts_.push_back({backend, endpoint, std::move(machine), std::move(fake)});
  return added;
}

// The machine that it is now: the last.
SimGateway::Host& SimGateway::host(const std::string& backend, size_t endpoint) {
  const auto found = std::find_if(hosts_.rbegin(), hosts_.rend(), [&](const Host& one) {
    return one.backend == backend && one.endpoint == endpoint;
  });
  ROCKET_ASSERT(found != hosts_.rend());
  return *found;
}

FakeBackend& SimGateway::move(const std::string& backend, size_t endpoint, FakeScript script,
                              Duration seen_after) {
  std::string machine = backend + "-" + std::to_string(hosts_.size());
  net.rename(backend, port_of(endpoint), machine, loop.now() + seen_after);
  return add_host(backend, endpoint, std::move(machine), std::move(script));
}

void SimGateway::thaw_all() {
  for (const Host& one : hosts_)
    net.thaw(one.machine, port_of(one.endpoint));
}

FakeBackend& SimGateway::fake(const std::string& backend, size_t endpoint) {
  return *host(backend, endpoint).fake;
}

SimLink& SimGateway::link(const std::string& backend, size_t endpoint) {
  return net.link(host(backend, endpoint).machine, port_of(endpoint));
}

Endpoint& SimGateway::endpoint(const std::string& backend, size_t index) {
  for (const Backend& one : control.snapshot()->backends) {
    if (one.name == backend) return *one.endpoints.at(index);
  }
  ROCKET_ASSERT(false);
  return *control.snapshot()->backends.front().endpoints.front();
}

void SimGateway::drain() {
  net.stop_listening(gateway_host, gateway_port);
  server.drain();
}

void SimGateway::freeze(const std::string& backend, size_t endpoint, bool frozen) {
  if (frozen) {
    link(backend, endpoint).frozen = true;
  } else {
    net.thaw(host(backend, endpoint).machine, port_of(endpoint));
  }
}

void SimGateway::refuse(const std::string& backend, size_t endpoint) {
  link(backend, endpoint).connect = SimLink::Connect::refuse;
  net.reset_all(host(backend, endpoint).machine, port_of(endpoint));
}

std::uint64_t SimGateway::malformed() const {
  std::uint64_t malformed = 0;
  for (const Host& one : hosts_)
    malformed += one.fake->counters().malformed;
  return malformed;
}

std::string SimGateway::leftovers() {
  // Long enough for every lingering close and idle connection to have gone.
  loop.run_for(std::chrono::seconds(10));
  std::string left;
  const auto add = [&](const std::string& what, std::uint64_t left_over) {
    if (left_over != 0) left += what + ": " + std::to_string(left_over) + "; ";
  };
  add("client connections", server.connections());
  add("answers read off", state.read_offs.size());
  add("files fetched", state.media.held());
  add("bytes of bodies", bodies.held());
  for (const Backend& backend : control.snapshot()->backends) {
    add("in flight at " + backend.name, backend.places->held());
    for (const auto& one : backend.endpoints)
      add("in flight at " + one->id, one->places.held());
  }
  for (const KeyConfig& key : control.snapshot()->config.keys_file.keys) {
    add("requests of the key " + key.name,
        control.snapshot()->keys->find(key.hash)->limits->in_flight());
  }
  add("requests that wait for a place", admission.anyone_waits() ? 1 : 0);
  for (const Host& one : hosts_) {
    const std::string name = one.machine + "/" + std::to_string(one.endpoint);
    add("requests still served by " + name, one.fake->counters().in_flight);
  }
  return left;
}

std::string sim_post(const std::string& path, const std::string& body,
                     const std::string& more_lines) {
  return "POST " + path + " HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n" +
         more_lines + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string sim_get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: gateway\r\n\r\n";
}

std::string sim_chat(bool stream, const std::string& more) {
  const std::string streamed = stream ? "true" : "false";
  return sim_post("/v1/chat/completions",
                  "{" + more + "\"stream\":" + streamed +
                      ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
}

}  // namespace rocket
