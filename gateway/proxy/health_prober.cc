#include "proxy/health_prober.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "schema/server_load.h"
#include "wire/json.h"

namespace rocket {
namespace {

// A server that tells nothing of its load is asked again after that; it may have been restarted.
constexpr Duration load_pause = std::chrono::minutes(1);
// Of a server with hundreds of models each is asked about sooner or later.
constexpr size_t details_each_time = 8;

Duration with_jitter(Duration interval, double jitter, Random& random) {
  const double factor = 1 + jitter * (2 * random.unit() - 1);
  return std::chrono::duration_cast<Duration>(interval * factor);
}

bool is_good(const Result<Fetched>& answer) {
  return answer && answer->status / 100 == 2;
}

Liveness liveness_of(BackendKind kind, const Result<Fetched>& answer) {
  return answer ? read_liveness(quirks_of(kind), answer->status, answer->body) : Liveness::dead;
}

// Why an answer to a probe does not do.
Error failure_of(const Result<Fetched>& answer) {
  if (!answer) return answer.error();
  return {answer->status == 503 ? ErrorCode::upstream_unavailable : ErrorCode::upstream_status,
          "status " + std::to_string(answer->status)};
}

std::string words_of(const Error& error) {
  return error.detail.empty() ? std::string(to_string(error.code)) : error.detail;
}

// Views into the models; of several of one name the first. Lists may be long, so that looking for
// each model of one in another would stop the loop.
using ByName = std::unordered_map<std::string_view, const InventoryModel*>;
ByName by_name(const std::vector<InventoryModel>& models) {
  ByName all;
  for (const InventoryModel& model : models)
    all.emplace(model.name, &model);
  return all;
}

// What the server's other lists tell of the models of its inventory.
void complete(std::vector<InventoryModel>& models, const Quirks& quirks,
              const Endpoint::Probed& probed) {
  const ByName all_loaded = probed.loaded ? by_name(*probed.loaded) : ByName();
  for (InventoryModel& model : models) {
    if (!quirks.details_path.empty()) {
      const auto known = probed.details.find(model.name);
      if (known != probed.details.end()) model.facts = known->second.facts;
    }
    if (!probed.loaded) continue;
    const auto loaded = all_loaded.find(model.name);
    model.facts.loaded = loaded != all_loaded.end();
    if (model.facts.loaded) {
      model.card.in_memory = loaded->second->card.size;
      model.card.in_vram = loaded->second->card.in_vram;
    }
    // What it was loaded with counts, not what it could have been loaded with.
    if (model.facts.loaded && loaded->second->facts.context != 0) {
      model.facts.context = loaded->second->facts.context;
    }
  }
}

// What was told of models that are gone, or others by now.
void forget_changed(std::map<std::string, Endpoint::Probed::Details>& known,
                    const std::vector<InventoryModel>& models) {
  const ByName listed = by_name(models);
  std::erase_if(known, [&](const auto& one) {
    const auto found = listed.find(one.first);
    return found == listed.end() || found->second->card.digest != one.second.digest;
  });
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
  const HealthConfig& health = current->snapshot->config.health;
  const Target target{current->snapshot, &current->snapshot->backends[backend],
                      current->endpoints[backend][endpoint]};
  target.probed().health.set({health.rise, health.fall});
  bool first = true;
  while (true) {
    co_await probe(target);
    compare(target, backend);
    if (!std::exchange(target.probed().asked, true) && !target.probed().inventory_known) {
      inventory_changed_();  // so that nobody waits for it any more
    }
    if (std::exchange(first, false) && --outstanding_ == 0) {
      first_round_done_.store(true, std::memory_order_release);
    }
    const Duration pause = with_jitter(health.interval, health.jitter, loop_.random);
    co_await SleepUntil(loop_.io.timers, now() + pause);
  }
}

Task<void> HealthProber::probe(Target target) {
  auto alive = co_await ask(target, target.backend->alive_path);
  record(target, alive);
  if (!is_good(alive)) co_return;
  co_await read_models(target, std::move(alive->body));
  co_await read_load(target);
}

Task<Result<Fetched>> HealthProber::ask(Target target, std::string path, std::string body) {
  const TimePoint deadline = deadline_after(now(), target.snapshot->config.health.timeout);
  FetchRequest request{std::move(path), std::move(body)};
  auto fetched =
      co_await fetch(loop_.io, target.endpoint(), *target.use.pool, std::move(request), deadline);
  co_return fetched;
}

void HealthProber::record(const Target& target, const Result<Fetched>& answer) {
  // No probe was sent, for want of a descriptor: that says nothing about the endpoint.
  if (!answer && answer.error().code == ErrorCode::overloaded) return;
  Endpoint& state = target.endpoint();
  HealthTracker& health = state.probed.health;
  const Verdict before = health.verdict();
  switch (liveness_of(target.backend->kind, answer)) {
    case Liveness::alive: health.record_good(); break;
    case Liveness::loading: health.record_loading(); break;
    case Liveness::draining: health.record_draining(); break;
    case Liveness::dead: health.record_bad(failure_of(answer).code); break;
  }
  state.verdict.store(health.verdict(), std::memory_order_relaxed);
  state.reason.store(health.reason(), std::memory_order_relaxed);
  loop_.metrics.gauge(Family::backend_health_status, {target.backend->name, state.id})
      .set(is_alive(health.verdict()) ? 1 : 0);
  if (before != health.verdict()) tell_change(target, failure_of(answer));
}

void HealthProber::tell_change(const Target& target, const Error& failure) {
  const Endpoint& state = target.endpoint();
  const std::string url = state.url.to_string();
  switch (state.probed.health.verdict()) {
    case Verdict::healthy:
      log_.info("endpoint is healthy", {{"endpoint", state.id}, {"url", url}});
      break;
    case Verdict::cold:
      log_.info("endpoint is loading its model", {{"endpoint", state.id}, {"url", url}});
      break;
    case Verdict::draining:
      log_.info("endpoint is draining", {{"endpoint", state.id}, {"url", url}});
      break;
    default:
      log_.warn("endpoint is unhealthy", {{"endpoint", state.id},
                                          {"url", url},
                                          {"reason", to_string(failure.code)},
                                          {"detail", failure.detail}});
  }
}

Task<void> HealthProber::read_models(Target target, std::string alive_body) {
  const Quirks& quirks = quirks_of(target.backend->kind);
  Result<Inventory> inventory = fail(ErrorCode::upstream_garbage);
  for (const std::string_view path : quirks.inventory_paths) {
    if (path == target.backend->alive_path) {
      inventory = read_inventory(alive_body);
    } else {
      const auto answer = co_await ask(target, std::string(path));
      inventory =
          is_good(answer) ? read_inventory(answer->body) : std::unexpected(failure_of(answer));
    }
    if (inventory) break;
    inventory.error().detail = std::string(path) + ": " + words_of(inventory.error());
  }
  note_untold(target, inventory ? std::string() : inventory.error().detail);
  if (!inventory) co_return;
  Endpoint::Probed& probed = target.probed();
  probed.owner = inventory->owner;
  const auto& owners = quirks.one_choice_owners;
  const bool one_choice = std::ranges::find(owners, probed.owner) != owners.end();
  target.endpoint().one_choice.store(one_choice, std::memory_order_relaxed);
  if (!quirks.loaded_path.empty()) co_await read_loaded(target);
  if (!quirks.details_path.empty()) co_await read_details(target, &*inventory);
  complete(inventory->models, quirks, probed);
  const auto in_memory = std::ranges::count_if(
      inventory->models, [](const InventoryModel& model) { return model.facts.loaded; });
  target.endpoint().models_in_memory.store(static_cast<std::uint32_t>(in_memory),
                                           std::memory_order_relaxed);
  if (probed.inventory_known && probed.models == inventory->models) co_return;
  probed.inventory_known = true;
  probed.models = std::move(inventory->models);
  inventory_changed_();
}

// What it told once still holds.
void HealthProber::note_untold(const Target& target, std::string why) {
  Endpoint::Probed& probed = target.probed();
  if (probed.inventory_known) why.clear();
  if (probed.untold == why) return;
  probed.untold = std::move(why);
  if (probed.untold.empty()) return;
  log_.warn("endpoint is alive, but which models it has can not be read",
            {{"endpoint", target.endpoint().id},
             {"url", target.endpoint().url.to_string()},
             {"detail", probed.untold}});
}

// When it does not tell, what it told last still holds.
Task<void> HealthProber::read_loaded(Target target) {
  const std::string_view path = quirks_of(target.backend->kind).loaded_path;
  const auto answer = co_await ask(target, std::string(path));
  if (!is_good(answer)) co_return;
  auto loaded = read_inventory(answer->body);
  if (loaded) target.probed().loaded = std::move(loaded->models);
}

// Asks about models that it has not been asked about yet, a few at a time.
Task<void> HealthProber::read_details(Target target, const Inventory* inventory) {
  auto& known = target.probed().details;
  forget_changed(known, inventory->models);
  const std::string path(quirks_of(target.backend->kind).details_path);
  size_t asked = 0;
  for (const InventoryModel& model : inventory->models) {
    if (known.contains(model.name)) continue;
    if (++asked > details_each_time) co_return;
    std::string body = R"({"model":)" + json_quoted(model.name) + "}";
    const auto answer = co_await ask(target, path, std::move(body));
    // A server that is too busy to tell will not tell of the next one either.
    if (!answer) co_return;
    known[model.name] = {model.card.digest,
                         is_good(answer) ? read_model_details(answer->body) : ModelFacts{}};
  }
}

Task<void> HealthProber::read_load(Target target) {
  Endpoint::Probed& probed = target.probed();
  LoadFigures figures;
  for (const LoadSource& source : quirks_of(target.backend->kind).load_sources) {
    if (!source.owner.empty() && source.owner != probed.owner) continue;
    TimePoint& again_at = probed.load_again_at[source.path];
    if (now() < again_at) continue;
    const auto answer = co_await ask(target, std::string(source.path));
    // A busy server may be too busy to tell; old figures go out of use by themselves.
    if (!answer) continue;
    const bool there = is_good(answer);
    if (!there) again_at = now() + load_pause;
    if (source.format == LoadFormat::slots) {
      if (there) figures = filled_in(figures, read_slots(answer->body));
      continue;
    }
    const ServerLoad load = read_gauges(there ? answer->body : std::string_view(), source.expected);
    figures = filled_in(figures, load.figures);
    note_missing(target, {load.missing.begin(), load.missing.end()});
  }
  if (figures.told()) target.endpoint().note_load(figures, now());
}

void HealthProber::note_missing(const Target& target, std::vector<std::string> missing) {
  Endpoint::Probed& probed = target.probed();
  if (probed.missing_gauges == missing) return;
  probed.missing_gauges = std::move(missing);
  if (probed.missing_gauges.empty()) return;
  std::string names;
  for (const std::string& name : probed.missing_gauges)
    names += (names.empty() ? "" : ", ") + name;
  log_.warn("gauges that were expected are missing: load can not be seen",
            {{"endpoint", target.endpoint().id},
             {"url", target.endpoint().url.to_string()},
             {"gauges", names}});
}

// All endpoints of the target's backend: what is found of one depends on the others.
void HealthProber::compare(const Target& target, size_t backend) {
  const auto& endpoints = target.backend->endpoints;
  if (endpoints.size() < 2 || loop_.current->snapshot != target.snapshot) return;
  const Config& config = target.snapshot->config;
  std::vector<OutlierView> views;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    Endpoint& one = *endpoints[i];
    const Verdict verdict = one.verdict.load(std::memory_order_relaxed);
    const auto outcomes = one.breaker.outcomes();
    one.probed.outcomes.update(outcomes.good, outcomes.bad, now());
    views.push_back({.requests = one.probed.outcomes.all(),
                     .bad_share = one.probed.outcomes.bad_share(),
                     .slow = loop_.current->paces[backend]->is_slow(i, now()),
                     .failing_probes = verdict == Verdict::unhealthy,
                     .out = one.breaker.standing(now()).state != BreakerState::closed ||
                            verdict == Verdict::cold || verdict == Verdict::draining});
  }
  const auto marks = find_outliers(views, {config.outlier.max_ejected, config.outlier.panic,
                                           static_cast<double>(config.breaker.min_requests)});
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const OutlierMark before = endpoints[i]->outlier.exchange(marks[i], std::memory_order_relaxed);
    if (before.ejected == marks[i].ejected) continue;
    if (marks[i].ejected) {
      log_.warn("endpoint is left alone: worse than its siblings",
                {{"endpoint", endpoints[i]->id},
                 {"fault", marks[i].fault == OutlierFault::slow ? "slow" : "failing"}});
    } else {
      log_.info("endpoint is used again", {{"endpoint", endpoints[i]->id}});
    }
  }
}

}  // namespace rocket
