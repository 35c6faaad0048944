#include "proxy/loop_state.h"

#include <algorithm>

#include "config/url.h"

namespace rocket {
namespace {

HttpSettings http_settings(const LimitsConfig& limits) {
  return {.head = {limits.header_bytes.bytes, limits.headers, limits.target_bytes.bytes},
          .header_time = limits.header_time,
          .body_time = limits.body_time,
          .keep_alive = limits.keep_alive,
          .write_time = limits.write_time};
}

// What was learnt of a backend's pace, if it still has the same endpoints.
std::shared_ptr<BackendPace> pace_of(const Backend& backend, const Current* before) {
  if (before != nullptr) {
    const std::vector<Backend>& backends = before->snapshot->backends;
    const auto found = std::ranges::find(backends, backend.name, &Backend::name);
    if (found != backends.end() && found->endpoints == backend.endpoints) {
      return before->paces[static_cast<size_t>(found - backends.begin())];
    }
  }
  return std::make_shared<BackendPace>(backend.endpoints.size());
}

// A checked configuration has a url that can be read.
std::optional<TraceTarget> trace_target(Io& io, const Snapshot& snapshot, const Current* before) {
  const OtlpConfig& otlp = snapshot.config.otlp;
  if (!otlp.on()) return std::nullopt;
  const auto url = parse_endpoint_url(otlp.url);
  if (!url) return std::nullopt;
  TraceTarget target{*url, otlp.ca_file, snapshot.trace_lines, nullptr};
  if (before != nullptr && before->traces && before->traces->url == *url &&
      before->traces->ca_file == otlp.ca_file) {
    target.pool = before->traces->pool;
    return target;
  }
  const Address address{url->host, url->port, url->tls, otlp.ca_file};
  ConnectionPool::Limits limits;
  limits.idle_max = 1;
  target.pool = std::make_shared<ConnectionPool>(io, address, limits);
  return target;
}

// What is remembered stays as long as there is to be room for so much.
std::shared_ptr<ReceiptBook> receipt_book(size_t places, const Current* before) {
  if (before != nullptr && before->receipts->places() == places) return before->receipts;
  return std::make_shared<ReceiptBook>(places);
}

}  // namespace

void LoopState::replace(std::shared_ptr<const Snapshot> snapshot,
                        std::shared_ptr<const Router> router) {
  std::map<const Endpoint*, std::shared_ptr<ConnectionPool>> kept;
  std::map<std::string_view, std::shared_ptr<BackendMetrics>> counted;
  const std::shared_ptr<const Current> before = current;
  if (before) {
    for (size_t i = 0; i < before->metrics.size(); ++i) {
      counted[before->snapshot->backends[i].name] = before->metrics[i];
    }
    for (const auto& backend : before->endpoints) {
      for (const EndpointUse& use : backend)
        kept[use.endpoint.get()] = use.pool;
    }
  }
  auto fresh = std::make_shared<Current>();
  const LimitsConfig& limits = snapshot->config.limits;
  for (const Backend& backend : snapshot->backends) {
    auto& backend_metrics = counted[backend.name];
    if (!backend_metrics) backend_metrics = std::make_shared<BackendMetrics>(metrics, backend.name);
    fresh->metrics.push_back(backend_metrics);
    fresh->paces.push_back(pace_of(backend, before.get()));
    auto& uses = fresh->endpoints.emplace_back();
    for (const auto& endpoint : backend.endpoints) {
      auto& pool = kept[endpoint.get()];
      ConnectionPool::Limits pool_limits;
      pool_limits.idle_max = limits.idle_per_endpoint;
      if (!pool) pool = std::make_shared<ConnectionPool>(io, endpoint->address, pool_limits);
      pool->set_limits(pool_limits);
      uses.push_back({endpoint, pool});
    }
  }
  bodies.set_most(limits.bodies_in_flight_bytes.bytes);
  admission.set(snapshot->config.lanes, snapshot->config.threads);
  fresh->http = http_settings(limits);
  fresh->receipts = receipt_book(limits.receipts, before.get());
  fresh->traces = trace_target(io, *snapshot, before.get());
  fresh->snapshot = std::move(snapshot);
  fresh->router = std::move(router);
  current = std::move(fresh);
}

void LoopState::sweep() const {
  if (!current) return;
  for (const auto& backend : current->endpoints) {
    for (const EndpointUse& use : backend)
      use.pool->sweep();
  }
  if (current->traces) current->traces->pool->sweep();
  if (current->snapshot->responses) current->snapshot->responses->sweep(io.timers.now());
}

}  // namespace rocket
