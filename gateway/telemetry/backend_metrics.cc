#include "telemetry/backend_metrics.h"

#include <fmt/format.h>

namespace rocket {

void count_request(MetricShard& shard, const AnsweredRequest& request) {
  const fmt::format_int code(request.status);
  const std::string_view route = request.route.empty() ? "other" : request.route;
  shard
      .counter(Family::requests, {request.operation, route, request.backend,
                                  std::string_view(code.data(), code.size())})
      .add();
}

ModelMetrics::ModelMetrics(MetricShard& shard, std::string_view backend, std::string_view model)
    : first_token(shard.histogram(Family::first_token, {backend, model})),
      output_token(shard.histogram(Family::output_token, {backend, model})),
      tokens_in(shard.counter(Family::tokens, {backend, model, "in"})),
      tokens_out(shard.counter(Family::tokens, {backend, model, "out"})),
      tokens_cached(shard.counter(Family::tokens, {backend, model, "cached"})) {}

BackendMetrics::BackendMetrics(MetricShard& shard, std::string_view backend)
    : shard_(shard),
      backend_(backend),
      requests_(shard.counter(Family::backend_request_count, {backend})),
      retries_(shard.counter(Family::retries, {backend})),
      failovers_(shard.counter(Family::failovers, {backend})),
      hedges_(shard.counter(Family::hedges, {backend})),
      cancels_(shard.counter(Family::cancels, {backend})),
      in_flight_(shard.gauge(Family::in_flight, {backend})),
      errors_(shard.error_window(Family::backend_error_rate, {backend})) {}

void BackendMetrics::record_attempt(TimePoint now, Outcome outcome, Blame blame) {
  requests_.add();
  Counter& attempts = attempts_[static_cast<std::size_t>(outcome)][static_cast<std::size_t>(blame)];
  if (!attempts) {
    attempts = shard_.counter(Family::attempts, {backend_, to_string(outcome), to_string(blame)});
  }
  attempts.add();
  // A cancelled attempt says nothing about the backend.
  if (outcome == Outcome::cancelled) {
    cancels_.add();
  } else {
    errors_.record(now, outcome != Outcome::ok && blame == Blame::upstream);
  }
}

const ModelMetrics& BackendMetrics::model(std::string_view name) {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second;
  if (models_.size() >= models_max && name != "other") {
    shard_.count_overflow();
    return model("other");
  }
  return models_.emplace(name, ModelMetrics(shard_, backend_, name)).first->second;
}

}  // namespace rocket
