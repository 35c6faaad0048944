#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "telemetry/metrics.h"
#include "telemetry/outcome.h"

namespace rocket {

// One client request answered. `backend` is empty if none was asked; an empty `route`, of requests
// that came to none, is counted as `other`.
struct AnsweredRequest {
  std::string_view operation;
  std::string_view route;
  std::string_view backend;
  int status = 0;
};

void count_request(MetricShard& shard, const AnsweredRequest& request);

// What is counted per backend and model.
struct ModelMetrics {
  ModelMetrics(MetricShard& shard, std::string_view backend, std::string_view model);

  Histogram first_token;
  Histogram output_token;  // the mean of one stream
  Counter tokens_in;
  Counter tokens_out;
  Counter tokens_cached;
};

// One loop's counts about one backend, looked up once. Destroying it (the backend has left the
// configuration) loses no count.
class BackendMetrics {
 public:
  BackendMetrics(MetricShard& shard, std::string_view backend);

  // For the time that an attempt goes on.
  [[nodiscard]] GaugeHold hold_in_flight() const { return GaugeHold(in_flight_); }
  // An attempt has ended.
  void record_attempt(TimePoint now, Outcome outcome, Blame blame);
  void count_retry() const { retries_.add(); }
  void count_failover() const { failovers_.add(); }
  void count_hedge() const { hedges_.add(); }

  // Only of models that an inventory or a route names; any other is to be called `other`.
  [[nodiscard]] const ModelMetrics& model(std::string_view name);

 private:
  struct Hash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  static constexpr std::size_t models_max = 500;

  MetricShard& shard_;
  std::string backend_;
  Counter requests_;
  Counter retries_;
  Counter failovers_;
  Counter hedges_;
  Counter cancels_;
  Gauge in_flight_;
  ErrorWindow errors_;
  std::array<std::array<Counter, blame_count>, outcome_count> attempts_;  // made when first used
  std::unordered_map<std::string, ModelMetrics, Hash, std::equal_to<>> models_;
};

}  // namespace rocket
