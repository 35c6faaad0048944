#include "admin/admin_operations.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "admin/receipt_json.h"
#include "policy/assessment.h"

namespace rocket {
namespace {

using nlohmann::json;

// What is not told is null.
json told(Telling telling) {
  return telling == Telling::none ? json() : json(telling == Telling::yes);
}

json told(std::uint16_t figure) {
  return figure == LoadFigures::untold ? json() : json(figure);
}

json describe_model(const InventoryModel& model) {
  const ModelFacts& facts = model.facts;
  return {{"name", model.name},
          {"loaded", facts.loaded},
          {"tools", told(facts.tools)},
          {"vision", told(facts.vision)},
          {"context", facts.context == 0 ? json() : json(facts.context)}};
}

// Null: nothing, or nothing of late.
json describe_load(const LoadFigures& load) {
  if (!load.told()) return {};
  json cache =
      load.cache_permille == LoadFigures::untold ? json() : json(load.cache_permille / 1e3);
  return {{"waiting", told(load.waiting)},
          {"running", told(load.running)},
          {"slots", told(load.slots)},
          {"cache_usage", std::move(cache)}};
}

// Where an endpoint stands, beside what it has in common with others.
struct Place {
  const Backend* backend = nullptr;  // null: it is in the configuration no more
  Duration first_token{};
  Duration fresh{};
  TimePoint now{};
};

EndpointFacts facts_of(const Endpoint& endpoint, const Place& place) {
  const auto standing = endpoint.breaker.standing(place.now);
  const auto& models = endpoint.probed.models;
  const bool loads = place.backend != nullptr && quirks_of(place.backend->kind).loads_on_demand;
  return {.probed = endpoint.verdict.load(std::memory_order_relaxed),
          .probe_error = endpoint.reason.load(std::memory_order_relaxed),
          .breaker = standing.state,
          .asked_to_wait = standing.asked_to_wait,
          .outlier = endpoint.outlier.load(std::memory_order_relaxed),
          .load = endpoint.load(place.now, place.fresh),
          .models_untold = !endpoint.probed.untold.empty(),
          .loads_models =
              loads && !models.empty() &&
              std::ranges::none_of(models, [](const auto& one) { return one.facts.loaded; }),
          .removed = place.backend == nullptr};
}

json describe(const Endpoint& endpoint, const Place& place) {
  json models = json::array();
  for (const InventoryModel& model : endpoint.probed.models)
    models.push_back(describe_model(model));
  const EndpointFacts facts = facts_of(endpoint, place);
  const Assessment assessment = assess(facts);
  const bool timed = place.first_token != Duration::zero();
  return {{"id", endpoint.id},
          {"url", endpoint.url.to_string()},
          {"verdict", to_string(assessment.verdict)},
          {"reason", assessment.reason},
          {"breaker", to_string(facts.breaker)},
          {"ejected", facts.outlier.ejected},
          {"in_flight", endpoint.places.held()},
          {"ewma_first_token_ms", timed ? json(to_ms(place.first_token)) : json()},
          {"load", describe_load(facts.load)},
          {"missing_gauges", endpoint.probed.missing_gauges},
          {"models", std::move(models)}};
}

// With the backend of that name, or one that is there for it alone.
void add_removed(json& backends, const Control::Removed& removed, const Place& place) {
  auto found = std::ranges::find_if(
      backends, [&](const json& one) { return one["name"] == removed.backend; });
  if (found == backends.end()) {
    backends.push_back({{"name", removed.backend},
                        {"kind", to_string(removed.kind)},
                        {"endpoints", json::array()}});
    found = std::prev(backends.end());
  }
  (*found)["endpoints"].push_back(describe(*removed.endpoint, place));
}

json describe_backends(const Current& current, Control& control, TimePoint now) {
  const Snapshot& snapshot = *current.snapshot;
  Place place{.fresh = snapshot.load_fresh, .now = now};
  json backends = json::array();
  for (size_t i = 0; i < snapshot.backends.size(); ++i) {
    const Backend& backend = snapshot.backends[i];
    json endpoints = json::array();
    for (size_t k = 0; k < backend.endpoints.size(); ++k) {
      place.backend = &backend;
      place.first_token = current.paces[i]->first_token(k, now);
      endpoints.push_back(describe(*backend.endpoints[k], place));
    }
    backends.push_back({{"name", backend.name},
                        {"kind", to_string(backend.kind)},
                        {"endpoints", std::move(endpoints)}});
  }
  for (const Control::Removed& removed : control.draining())
    add_removed(backends, removed, {.fresh = snapshot.load_fresh, .now = now});
  return {{"revision", snapshot.revision}, {"backends", std::move(backends)}};
}

// Endpoints are counted by whether they answer their probes, and named with their verdict if that
// is not `healthy`.
json describe_health(const AdminView& view, TimePoint now) {
  const Snapshot& snapshot = *view.control.snapshot();
  size_t healthy = 0;
  size_t all = 0;
  json others = json::array();
  for (const Backend& backend : snapshot.backends) {
    const Place place{.backend = &backend, .fresh = snapshot.load_fresh, .now = now};
    for (const auto& endpoint : backend.endpoints) {
      ++all;
      healthy += is_alive(endpoint->verdict.load(std::memory_order_relaxed)) ? 1 : 0;
      const Assessment assessment = assess(facts_of(*endpoint, place));
      if (assessment.verdict == Verdict::healthy) continue;
      others.push_back({{"id", endpoint->id},
                        {"verdict", to_string(assessment.verdict)},
                        {"reason", assessment.reason}});
    }
  }
  return {{"status", view.health.serving() ? "ok" : "draining"},
          {"ready", view.health.ready()},
          {"revision", snapshot.revision},
          {"version", ROCKET_VERSION},
          {"endpoints", {{"all", all}, {"healthy", healthy}, {"not_healthy", std::move(others)}}}};
}

// Names come from servers: what is not UTF-8 in them must not stop the answer.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Task<void> send_json(Call& call, json value) {
  call.send_json(200, dump(value));
  co_return;
}

// What all loops share belongs to no loop's counters: it is looked at when it is asked for.
void count_responses(const Call& call) {
  const auto& store = call.current()->snapshot->responses;
  MetricShard& metrics = call.loop().metrics;
  const auto set = [&](Family family, std::uint64_t value) {
    metrics.gauge(family).set(static_cast<std::int64_t>(value));
  };
  set(Family::stored_responses, store ? store->size() : 0);
  set(Family::stored_response_bytes, store ? store->held_bytes() : 0);
}

// Nor do circuit breakers, which open and close between probes as well.
void tell_breakers(const Call& call) {
  const TimePoint now = call.loop().io.timers.now();
  for (const Backend& backend : call.current()->snapshot->backends) {
    for (const auto& endpoint : backend.endpoints) {
      call.loop()
          .metrics.gauge(Family::breaker_state, {endpoint->id})
          .set(static_cast<std::int64_t>(endpoint->breaker.standing(now).state));
    }
  }
}

Task<void> send_metrics(Call& call, const Exposition& exposition) {
  count_responses(call);
  tell_breakers(call);
  call.send_text(200, exposition.text(call.loop().io.timers.now()), exposition_content_type);
  co_return;
}

Task<void> send_receipt(Call& call, ReceiptSearch& receipts) {
  const auto receipt = co_await receipts.find(call.parameter);
  if (receipt) {
    call.send_json(200, dump(describe_receipt(*receipt, call.loop().io.timers.now())));
  } else {
    call.send_error({ErrorCode::path_not_found,
                     "no request '" + call.parameter.substr(0, 128) +
                         "' that went to a backend is remembered; limits.receipts says how many "
                         "are, and the access log has them all"});
  }
}

}  // namespace

void add_metrics_operation(Operations& operations, const Exposition& exposition) {
  operations.add({Method::get, "/metrics", Operation::none,
                  [&exposition](Call& call) { return send_metrics(call, exposition); }, true});
}

void add_admin_operations(Operations& operations, const AdminView& view) {
  add_metrics_operation(operations, view.exposition);
  operations.add({Method::get, "/health", Operation::health,
                  [view](Call& call) {
                    const TimePoint now = call.loop().io.timers.now();
                    return send_json(call, describe_health(view, now));
                  },
                  true});
  operations.add({Method::get, "/backends", Operation::none,
                  [view](Call& call) {
                    const TimePoint now = call.loop().io.timers.now();
                    return send_json(call, describe_backends(*call.current(), view.control, now));
                  },
                  true});
  operations.add({Method::get, "/requests/", Operation::none,
                  [view](Call& call) { return send_receipt(call, view.receipts); }, true});
}

}  // namespace rocket
