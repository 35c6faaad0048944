#include "proxy/health_prober.h"

#include <algorithm>

#include "proxy/fetch.h"

namespace rocket {
namespace {

Duration with_jitter(Duration interval, double jitter, Random& random) {
  const double factor = 1 + jitter * (2 * random.unit() - 1);
  return std::chrono::duration_cast<Duration>(interval * factor);
}

}  // namespace

HealthProber::HealthProber(LoopState& loop, Log& log, std::function<void()> inventory_changed)
    : loop_(loop),
      log_(log),
      inventory_changed_(std::move(inventory_changed)),
      watches_(loop.io.timers.run_queue()) {}

void HealthProber::restart() {
  watches_.cancel_all();
  const auto current = loop_.current;
  outstanding_ = 0;
  for (const auto& backend : current->endpoints)
    outstanding_ += backend.size();
  for (size_t i = 0; i < current->endpoints.size(); ++i) {
    for (size_t k = 0; k < current->endpoints[i].size(); ++k) {
      watches_.spawn(watch(current, i, k));
    }
  }
}

Task<void> HealthProber::watch(std::shared_ptr<const Current> current, size_t backend,
                               size_t endpoint) {
  const Config& config = current->snapshot->config;
  const Target target{&current->snapshot->backends[backend], current->endpoints[backend][endpoint]};
  Endpoint& state = *target.use.endpoint;
  state.probed.health.set({config.health.rise, config.health.fall});
  bool first = true;
  while (true) {
    co_await probe(config, target);
    if (std::exchange(first, false) && --outstanding_ == 0) {
      first_round_done_.store(true, std::memory_order_release);
    }
    const Duration pause = with_jitter(config.health.interval, config.health.jitter, loop_.random);
    co_await SleepUntil(loop_.io.timers, loop_.io.timers.now() + pause);
  }
}

Task<void> HealthProber::probe(const Config& config, Target target) {
  auto alive = co_await ask(config, target, target.backend->alive_path);
  record(target, alive);
  if (alive) {
    co_await read_models(config, target, std::move(*alive));
  }
}

// The body of a 2xx answer.
Task<Result<std::string>> HealthProber::ask(const Config& config, Target target, std::string path) {
  const TimePoint deadline = deadline_after(loop_.io.timers.now(), config.health.timeout);
  auto fetched =
      co_await fetch(loop_.io, *target.use.endpoint, *target.use.pool, std::move(path), deadline);
  if (!fetched) co_return std::unexpected(fetched.error());
  if (fetched->status / 100 == 2) co_return std::move(fetched->body);
  const std::string detail = "status " + std::to_string(fetched->status);
  co_return fail(
      fetched->status == 503 ? ErrorCode::upstream_unavailable : ErrorCode::upstream_status,
      detail);
}

void HealthProber::record(const Target& target, const Result<std::string>& alive) {
  // No probe was sent, for want of a descriptor: that says nothing about the endpoint.
  if (!alive && alive.error().code == ErrorCode::overloaded) return;
  Endpoint& state = *target.use.endpoint;
  HealthTracker& health = state.probed.health;
  const Verdict before = health.verdict();
  if (alive) {
    health.record_good();
  } else {
    health.record_bad(alive.error().code);
  }
  state.verdict.store(health.verdict(), std::memory_order_relaxed);
  state.reason.store(health.reason(), std::memory_order_relaxed);
  loop_.metrics.gauge(Family::backend_health_status, {target.backend->name, state.id})
      .set(health.verdict() == Verdict::healthy ? 1 : 0);
  const auto standing = state.breaker.standing(loop_.io.timers.now());
  loop_.metrics.gauge(Family::breaker_state, {state.id})
      .set(static_cast<std::int64_t>(standing.state));
  if (before == health.verdict()) return;
  const std::string_view reason = alive ? "" : to_string(alive.error().code);
  const std::string_view detail = alive ? std::string_view() : alive.error().detail;
  if (health.verdict() == Verdict::healthy) {
    log_.info("endpoint is healthy", {{"endpoint", state.id}, {"url", state.url.to_string()}});
  } else {
    log_.warn("endpoint is unhealthy", {{"endpoint", state.id},
                                        {"url", state.url.to_string()},
                                        {"reason", reason},
                                        {"detail", detail}});
  }
}

Task<void> HealthProber::read_models(const Config& config, Target target, std::string alive_body) {
  const Quirks& quirks = quirks_of(target.backend->kind);
  Result<std::vector<InventoryModel>> models = fail(ErrorCode::upstream_garbage);
  for (const std::string_view path : quirks.inventory_paths) {
    if (path == target.backend->alive_path) {
      models = read_inventory(alive_body);
    } else {
      const auto body = co_await ask(config, target, std::string(path));
      if (!body) continue;
      models = read_inventory(*body);
    }
    if (models) break;
  }
  if (!models) co_return;
  if (!quirks.loaded_path.empty()) {
    co_await read_loaded(config, target, &*models);
  }
  Endpoint::Probed& probed = target.use.endpoint->probed;
  if (probed.inventory_known && probed.models == *models) co_return;
  const bool names_changed =
      !probed.inventory_known ||
      !std::ranges::equal(probed.models, *models, {}, &InventoryModel::name, &InventoryModel::name);
  probed.inventory_known = true;
  probed.models = std::move(*models);
  if (names_changed) inventory_changed_();
}

Task<void> HealthProber::read_loaded(const Config& config, Target target,
                                     std::vector<InventoryModel>* models) {
  const Quirks& quirks = quirks_of(target.backend->kind);
  const auto body = co_await ask(config, target, std::string(quirks.loaded_path));
  if (!body) co_return;
  const auto loaded = read_inventory(*body);
  if (!loaded) co_return;
  for (InventoryModel& model : *models) {
    model.loaded = std::ranges::find(*loaded, model.name, &InventoryModel::name) != loaded->end();
  }
}

}  // namespace rocket
