#include "proxy/backend.h"

#include <algorithm>

#include "config/api_key.h"
#include "config/trace_headers.h"
#include "policy/affinity.h"
#include "policy/router.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

std::shared_ptr<Endpoint> make_endpoint(const BackendConfig& config, size_t index,
                                        const std::string& api_key) {
  const Quirks& quirks = quirks_of(config.kind);
  auto endpoint = std::make_shared<Endpoint>();
  endpoint->id = config.name + "/" + std::to_string(index);
  endpoint->url = config.urls[index];
  endpoint->address = {endpoint->url.host, endpoint->url.port, endpoint->url.tls, config.ca_file};
  endpoint->api_key = api_key;
  endpoint->url_hash = hash_of(endpoint->url.to_string());
  append_header(endpoint->head_lines, "host", endpoint->url.authority());
  if (!api_key.empty()) {
    append_header(endpoint->head_lines, quirks.key_header,
                  std::string(quirks.key_scheme) + api_key);
  }
  endpoint->head_lines += quirks.head_lines;
  endpoint->head_lines += config.head_lines;
  return endpoint;
}

bool same(const Endpoint& a, const Endpoint& b) {
  return a.id == b.id && a.url == b.url && a.address == b.address && a.head_lines == b.head_lines;
}

std::shared_ptr<Endpoint> taken_over(const Snapshot* before, BackendKind kind,
                                     const Endpoint& fresh) {
  if (before == nullptr) return nullptr;
  for (const Backend& backend : before->backends) {
    if (backend.kind != kind) continue;
    for (const auto& endpoint : backend.endpoints) {
      if (same(*endpoint, fresh)) return endpoint;
    }
  }
  return nullptr;
}

// What its kind speaks, and what it is said to answer itself.
void set_dialects(const BackendConfig& config, Backend& backend) {
  const Quirks& quirks = quirks_of(config.kind);
  backend.dialects = quirks.dialects;
  backend.counts_tokens = quirks.counts_tokens;
  for (const NativeApi api : config.native) {
    switch (api) {
      case NativeApi::responses: backend.dialects.push_back(Dialect::responses); break;
      case NativeApi::messages: backend.dialects.push_back(Dialect::anthropic); break;
      case NativeApi::count_tokens: backend.counts_tokens = true; break;
    }
  }
}

RetryBudget::Settings budget_settings(const RetryConfig& config) {
  return {config.budget, config.budget_min};
}

// `known` (may be null), which set_limits() gives the settings of `config`.
std::shared_ptr<RetryBudget> make_budget(const RetryConfig& config,
                                         std::shared_ptr<RetryBudget> known) {
  return known ? std::move(known) : std::make_shared<RetryBudget>(budget_settings(config));
}

const Backend* find_backend(const Snapshot* before, const std::string& name) {
  if (before == nullptr) return nullptr;
  const auto found = std::ranges::find(before->backends, name, &Backend::name);
  return found == before->backends.end() ? nullptr : &*found;
}

std::map<std::string, std::shared_ptr<Capacity>> make_route_places(const Config& config,
                                                                   const Snapshot* before) {
  std::map<std::string, std::shared_ptr<Capacity>> places;
  for (const auto& [name, route] : config.models) {
    if (!route.in_flight) continue;
    auto& one = places[name];
    if (before != nullptr) {
      const auto known = before->route_places.find(name);
      if (known != before->route_places.end()) one = known->second;
    }
    if (!one) one = std::make_shared<Capacity>();
  }
  return places;
}

// A cloud is reached by TLS and is not of the local network. What looks local would fetch from
// inside of it.
MediaUrls media_urls_of(const Config& config, const BackendConfig& backend) {
  const MediaUrls wish = backend.media_urls.value_or(config.media_urls);
  if (wish != MediaUrls::automatic) return wish;
  const auto is_cloud = [](const EndpointUrl& url) { return url.tls && !is_local_host(url.host); };
  const bool cloud =
      backend.kind == BackendKind::anthropic ||
      (backend.kind == BackendKind::openai && std::ranges::all_of(backend.urls, is_cloud));
  return cloud ? MediaUrls::pass : MediaUrls::refuse;
}

ResponseStore::Settings store_settings(const ResponsesConfig& config) {
  return {.bytes = config.bytes.bytes, .expiry = config.expiry, .turns = config.turns};
}

// Switched off, it forgets all as soon as no request works from `before` any more.
std::shared_ptr<ResponseStore> make_responses(const ResponsesConfig& config,
                                              const Snapshot* before) {
  if (!config.store) return nullptr;
  if (before != nullptr && before->responses) return before->responses;
  return std::make_shared<ResponseStore>(store_settings(config));
}

// Once nothing can fail any more: they are shared with what is still in force.
void set_limits(const Snapshot& snapshot) {
  const Config& config = snapshot.config;
  for (size_t i = 0; i < snapshot.backends.size(); ++i) {
    const Backend& backend = snapshot.backends[i];
    backend.places->set_most(config.backends[i].in_flight.value_or(0));
    backend.retry_budget->set(budget_settings(config.retry));
    for (const auto& endpoint : backend.endpoints)
      endpoint->places.set_most(config.limits.in_flight_per_endpoint);
  }
  snapshot.retry_budget->set(budget_settings(config.retry));
  for (const auto& [name, places] : snapshot.route_places)
    places->set_most(config.models.at(name).in_flight.value_or(0));
  if (snapshot.responses) snapshot.responses->set(store_settings(config.responses));
}

std::shared_ptr<const KeyRing> make_keys(const KeysFile& file, const Snapshot* before) {
  if (file.path.empty()) return nullptr;
  auto ring = std::make_shared<KeyRing>();
  for (const KeyConfig& one : file.keys) {
    const KeyLimitSettings limits{one.rpm, one.tpm, one.concurrent};
    Key key{
        .name = one.name, .lane = one.lane, .scope = {one.models, one.backends}, .limits = nullptr};
    const Key* known = before != nullptr && before->keys ? before->keys->find(one.hash) : nullptr;
    const bool same = known != nullptr && known->limits->settings() == limits;
    key.limits = same ? known->limits : std::make_shared<KeyLimits>(limits);
    ring->add(one.hash, std::move(key));
  }
  return ring;
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> make_snapshot(Config config, std::uint64_t revision,
                                                      const Snapshot* before) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->revision = revision;
  for (const BackendConfig& one : config.backends) {
    const auto api_key = load_api_key(one);
    if (!api_key) return std::unexpected(api_key.error());
    const Backend* const known_backend = find_backend(before, one.name);
    Backend backend{
        .name = one.name,
        .kind = one.kind,
        .default_model = one.default_model,
        .dialects = {},
        .alive_path = one.health_path,
        .endpoints = {},
        .retry_budget = make_budget(
            config.retry, known_backend == nullptr ? nullptr : known_backend->retry_budget),
        .places = known_backend == nullptr ? std::make_shared<Capacity>() : known_backend->places,
        .media_urls = media_urls_of(config, one)};
    set_dialects(one, backend);
    if (backend.alive_path.empty()) backend.alive_path = quirks_of(one.kind).alive_path;
    for (size_t i = 0; i < one.urls.size(); ++i) {
      auto endpoint = make_endpoint(one, i, *api_key);
      if (auto known = taken_over(before, one.kind, *endpoint)) endpoint = std::move(known);
      backend.endpoints.push_back(std::move(endpoint));
    }
    snapshot->backends.push_back(std::move(backend));
  }
  snapshot->retry_budget =
      make_budget(config.retry, before == nullptr ? nullptr : before->retry_budget);
  if (config.otlp.on()) {
    auto lines = load_trace_headers(config.otlp);
    if (!lines) return std::unexpected(std::move(lines.error()));
    snapshot->trace_lines = *std::move(lines);
  }
  snapshot->keys = make_keys(config.keys_file, before);
  snapshot->media_guard = AddressGuard(config.media.allow);
  snapshot->route_places = make_route_places(config, before);
  snapshot->responses = make_responses(config.responses, before);
  constexpr int probes_missed_max = 3;
  snapshot->load_fresh = config.health.interval * probes_missed_max + config.health.timeout;
  snapshot->config = std::move(config);
  set_limits(*snapshot);
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

CircuitBreaker::Settings breaker_settings(const BreakerConfig& config) {
  return {.consecutive = config.consecutive,
          .error_rate = config.error_rate,
          .min_requests = config.min_requests,
          .open = config.open,
          .open_max = config.open_max,
          .trials = config.trials};
}

RouterInput router_input(const Snapshot& snapshot) {
  RouterInput input;
  const auto index_of = [&](const std::string& name) {
    const auto found = std::ranges::find(snapshot.backends, name, &Backend::name);
    return static_cast<size_t>(found - snapshot.backends.begin());
  };
  for (const Backend& backend : snapshot.backends) {
    RouterBackend known{
        backend.name, backend.default_model, quirks_of(backend.kind).implicit_latest, {}};
    for (const auto& endpoint : backend.endpoints) {
      const Endpoint::Probed& probed = endpoint->probed;
      RouterBackend::EndpointModels models{.known = probed.inventory_known,
                                           .models = {},
                                           .facts = {},
                                           .cards = {},
                                           .awaited = !probed.asked && !probed.inventory_known};
      for (const InventoryModel& model : probed.models) {
        models.models.push_back(model.name);
        models.facts.push_back(model.facts);
        models.cards.push_back(model.card);
      }
      known.endpoints.push_back(std::move(models));
    }
    input.backends.push_back(std::move(known));
  }
  for (const std::string& name : snapshot.config.order)
    input.order.push_back(index_of(name));
  for (const auto& [name, route] : snapshot.config.models) {
    RouterRoute routed{name, {}, route.substitute, nullptr};
    const auto places = snapshot.route_places.find(name);
    if (places != snapshot.route_places.end()) routed.places = places->second;
    for (const CandidateConfig& candidate : route.candidates) {
      const size_t backend = index_of(candidate.backend);
      const std::string& fallback = snapshot.backends[backend].default_model;
      routed.targets.push_back({backend, candidate.model.empty() ? fallback : candidate.model,
                                candidate.weight.value_or(0)});
    }
    input.routes.push_back(std::move(routed));
  }
  return input;
}

}  // namespace rocket
