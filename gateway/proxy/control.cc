#include "proxy/control.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace rocket {
namespace {

std::set<std::pair<std::string, std::string>> endpoint_names(const Snapshot& snapshot) {
  std::set<std::pair<std::string, std::string>> names;
  for (const Backend& backend : snapshot.backends) {
    for (const auto& endpoint : backend.endpoints)
      names.emplace(backend.name, endpoint->id);
  }
  return names;
}

}  // namespace

std::optional<Problem> not_reloadable(const Config& before, const Config& after) {
  const char* changed = before.listen != after.listen                   ? "listen"
                        : before.admin != after.admin                   ? "admin"
                        : before.metrics_listen != after.metrics_listen ? "metrics_listen"
                        : before.threads != after.threads               ? "threads"
                        : !before.store.same_place(after.store)         ? "store"
                                                                        : nullptr;
  if (changed == nullptr) return std::nullopt;
  const bool place = std::string_view(changed) == "store";
  return Problem{changed, place ? "its place can not be reloaded" : "can not be reloaded",
                 "set it back, or restart Rocket"};
}

Control::Control(LoopState& loop, Log& log, Publish publish)
    : loop_(loop),
      log_(log),
      publish_(std::move(publish)),
      prober_(loop, log, [this] { publish_router(); }) {}

Result<void> Control::apply(Config config) {
  if (snapshot_) {
    const auto fixed = not_reloadable(snapshot_->config, config);
    if (fixed) return fail(ErrorCode::invalid_field, format_problem(*fixed));
  }
  const std::uint64_t revision = snapshot_ ? snapshot_->revision + 1 : 1;
  auto snapshot = make_snapshot(std::move(config), revision, snapshot_.get());
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));
  if (snapshot_) {
    note_removed(*snapshot_, **snapshot);
    // What is not probed any more must not be reported for ever.
    const auto names = endpoint_names(**snapshot);
    for (const auto& [backend, endpoint] : endpoint_names(*snapshot_)) {
      if (names.contains({backend, endpoint})) continue;
      loop_.metrics.retire(Family::backend_health_status, {backend, endpoint});
      loop_.metrics.retire(Family::breaker_state, {endpoint});
    }
  }
  snapshot_ = std::move(*snapshot);
  loop_.metrics.gauge(Family::config_revision).set(static_cast<std::int64_t>(revision));
  publish_router();
  prober_.restart();
  log_.info("configuration in force",
            {{"revision", revision}, {"backends", snapshot_->backends.size()}});
  return {};
}

void Control::note_removed(const Snapshot& before, const Snapshot& after) {
  std::set<const Endpoint*> kept;
  for (const Backend& backend : after.backends) {
    for (const auto& endpoint : backend.endpoints)
      kept.insert(endpoint.get());
  }
  for (const Backend& backend : before.backends) {
    for (const auto& endpoint : backend.endpoints) {
      if (!kept.contains(endpoint.get()))
        removed_.push_back({backend.name, backend.kind, endpoint});
    }
  }
  static_cast<void>(draining());
}

const std::vector<Control::Removed>& Control::draining() {
  std::erase_if(removed_, [](const Removed& one) { return one.endpoint->places.held() == 0; });
  return removed_;
}

void Control::publish_router() {
  publish_(snapshot_, std::make_shared<const Router>(router_input(*snapshot_)));
}

}  // namespace rocket
