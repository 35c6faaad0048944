#include "admin/admin_operations.h"

#include <nlohmann/json.hpp>

#include "admin/receipt_json.h"

namespace rocket {
namespace {

using nlohmann::json;

json describe(const Endpoint& endpoint, Duration first_token, TimePoint now) {
  const Verdict verdict = endpoint.verdict.load(std::memory_order_relaxed);
  json models = json::array();
  for (const InventoryModel& model : endpoint.probed.models) {
    models.push_back({{"name", model.name}, {"loaded", model.loaded}});
  }
  const std::string_view reason = verdict == Verdict::unhealthy
                                      ? to_string(endpoint.reason.load(std::memory_order_relaxed))
                                      : std::string_view();
  return {
      {"id", endpoint.id},
      {"url", endpoint.url.to_string()},
      {"verdict", to_string(verdict)},
      {"reason", reason},
      {"breaker", to_string(endpoint.breaker.standing(now).state)},
      {"in_flight", endpoint.places.held()},
      {"ewma_first_token_ms", first_token == Duration::zero() ? json() : json(to_ms(first_token))},
      {"models", std::move(models)}};
}

json describe_backends(const Current& current, TimePoint now) {
  const Snapshot& snapshot = *current.snapshot;
  json backends = json::array();
  for (size_t i = 0; i < snapshot.backends.size(); ++i) {
    const Backend& backend = snapshot.backends[i];
    json endpoints = json::array();
    for (size_t k = 0; k < backend.endpoints.size(); ++k) {
      endpoints.push_back(
          describe(*backend.endpoints[k], current.paces[i]->first_token(k, now), now));
    }
    backends.push_back({{"name", backend.name},
                        {"kind", to_string(backend.kind)},
                        {"endpoints", std::move(endpoints)}});
  }
  return {{"revision", snapshot.revision}, {"backends", std::move(backends)}};
}

json describe_health(const AdminView& view, bool draining) {
  size_t healthy = 0;
  size_t all = 0;
  for (const Backend& backend : view.control.snapshot()->backends) {
    for (const auto& endpoint : backend.endpoints) {
      ++all;
      healthy += endpoint->verdict.load(std::memory_order_relaxed) == Verdict::healthy ? 1 : 0;
    }
  }
  return {{"status", draining ? "draining" : "ok"},
          {"ready", view.health.ready()},
          {"revision", view.control.snapshot()->revision},
          {"version", ROCKET_VERSION},
          {"endpoints", {{"all", all}, {"healthy", healthy}}}};
}

// Names come from servers: what is not UTF-8 in them must not stop the answer.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Task<void> send_json(Call& call, json value) {
  call.send_json(200, dump(value));
  co_return;
}

Task<void> send_metrics(Call& call, const Exposition& exposition) {
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

void add_admin_operations(Operations& operations, const AdminView& view) {
  operations.add({Method::get, "/metrics", Operation::none,
                  [view](Call& call) { return send_metrics(call, view.exposition); }, true});
  operations.add(
      {Method::get, "/health", Operation::health,
       [view](Call& call) { return send_json(call, describe_health(view, call.loop().draining)); },
       true});
  operations.add({Method::get, "/backends", Operation::none,
                  [](Call& call) {
                    return send_json(
                        call, describe_backends(*call.current(), call.loop().io.timers.now()));
                  },
                  true});
  operations.add({Method::get, "/requests/", Operation::none,
                  [view](Call& call) { return send_receipt(call, view.receipts); }, true});
}

}  // namespace rocket
