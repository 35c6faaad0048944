#include "telemetry/backend_metrics.h"

#include <gtest/gtest.h>

#include <optional>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};

// The first value of a series; nothing if there is no such series.
std::optional<std::uint64_t> value_of(const Metrics& metrics, Family family,
                                      std::string_view labels, std::size_t index = 0) {
  for (const FamilySnapshot& snapshot : metrics.collect(start)) {
    if (snapshot.info->family != family) continue;
    for (std::size_t i = 0; i < snapshot.labels.size(); ++i) {
      if (snapshot.labels[i] == labels)
        return snapshot.values.at(i * snapshot.values_per_series + index);
    }
  }
  return std::nullopt;
}

TEST(BackendMetrics, an_attempt_counts_by_outcome_and_blame) {
  struct Case {
    Outcome outcome;
    Blame blame;
    std::string_view labels;
    std::uint64_t events;  // of the error rate
    std::uint64_t errors;
    std::uint64_t cancels;
  };
  for (const Case& c : {
           Case{Outcome::ok, Blame::none, R"(backend="b",outcome="ok",blame="none")", 1, 0, 0},
           Case{Outcome::error, Blame::upstream, R"(backend="b",outcome="error",blame="upstream")",
                1, 1, 0},
           Case{Outcome::error, Blame::client, R"(backend="b",outcome="error",blame="client")", 1,
                0, 0},
           Case{Outcome::error, Blame::gateway, R"(backend="b",outcome="error",blame="gateway")", 1,
                0, 0},
           Case{Outcome::cut, Blame::upstream, R"(backend="b",outcome="cut",blame="upstream")", 1,
                1, 0},
           Case{Outcome::cancelled, Blame::client,
                R"(backend="b",outcome="cancelled",blame="client")", 0, 0, 1},
       }) {
    Metrics metrics(1);
    BackendMetrics backend(metrics.shard(0), "b");
    backend.record_attempt(start, c.outcome, c.blame);
    EXPECT_EQ(value_of(metrics, Family::attempts, c.labels), 1U) << c.labels;
    EXPECT_EQ(value_of(metrics, Family::backend_request_count, R"(backend="b")"), 1U);
    EXPECT_EQ(value_of(metrics, Family::backend_error_rate, R"(backend="b")", 0), c.events)
        << c.labels;
    EXPECT_EQ(value_of(metrics, Family::backend_error_rate, R"(backend="b")", 1), c.errors)
        << c.labels;
    EXPECT_EQ(value_of(metrics, Family::cancels, R"(backend="b")"), c.cancels) << c.labels;
  }
}

TEST(BackendMetrics, retries_failovers_and_attempts_in_flight_count) {
  Metrics metrics(1);
  const BackendMetrics backend(metrics.shard(0), "b");
  backend.count_retry();
  backend.count_retry();
  backend.count_failover();
  EXPECT_EQ(value_of(metrics, Family::retries, R"(backend="b")"), 2U);
  EXPECT_EQ(value_of(metrics, Family::failovers, R"(backend="b")"), 1U);
  const GaugeHold hold = backend.hold_in_flight();
  EXPECT_EQ(value_of(metrics, Family::in_flight, R"(backend="b")"), 1U);
}

TEST(BackendMetrics, models_are_counted_apart) {
  Metrics metrics(1);
  BackendMetrics backend(metrics.shard(0), "b");
  backend.model("m").tokens_in.add(7);
  backend.model("m").tokens_out.add(8);
  backend.model("m").tokens_cached.add(9);
  backend.model("n").tokens_in.add(1);
  backend.model("m").first_token.observe(1ms);
  backend.model("m").output_token.observe(2s);
  EXPECT_EQ(value_of(metrics, Family::tokens, R"(backend="b",model="m",direction="in")"), 7U);
  EXPECT_EQ(value_of(metrics, Family::tokens, R"(backend="b",model="m",direction="out")"), 8U);
  EXPECT_EQ(value_of(metrics, Family::tokens, R"(backend="b",model="m",direction="cached")"), 9U);
  EXPECT_EQ(value_of(metrics, Family::tokens, R"(backend="b",model="n",direction="in")"), 1U);
  EXPECT_EQ(value_of(metrics, Family::first_token, R"(backend="b",model="m")", 0), 1U);
  EXPECT_EQ(value_of(metrics, Family::output_token, R"(backend="b",model="m")", 13), 1U);
}

TEST(BackendMetrics, counts_outlive_it) {
  Metrics metrics(1);
  for (int i = 0; i < 2; ++i) {
    BackendMetrics backend(metrics.shard(0), "b");
    backend.record_attempt(start, Outcome::ok, Blame::none);
    backend.model("m").tokens_in.add(10);
  }
  EXPECT_EQ(value_of(metrics, Family::backend_request_count, R"(backend="b")"), 2U);
  EXPECT_EQ(value_of(metrics, Family::tokens, R"(backend="b",model="m",direction="in")"), 20U);
}

TEST(BackendMetrics, what_it_remembers_is_bounded_and_nothing_is_lost) {
  Metrics metrics(1);
  BackendMetrics backend(metrics.shard(0), "b");
  constexpr std::uint64_t total = 10'000;
  for (std::uint64_t i = 0; i < total; ++i)
    backend.model(std::to_string(i)).tokens_in.add();
  std::uint64_t named = 0;
  std::uint64_t sum = 0;
  for (const FamilySnapshot& snapshot : metrics.collect(start)) {
    if (snapshot.info->family != Family::tokens) continue;
    for (const std::uint64_t value : snapshot.values) {
      sum += value;
      named += value == 1 ? 1 : 0;
    }
  }
  EXPECT_EQ(sum, total);
  EXPECT_LE(named, 501U);
  EXPECT_GT(value_of(metrics, Family::metric_overflow, "").value_or(0), 9'000U);
}

TEST(CountRequest, counts_by_the_status_that_the_client_got) {
  Metrics metrics(1);
  MetricShard& shard = metrics.shard(0);
  count_request(shard, {"chat_completions", "fast", "vllm", 200});
  count_request(shard, {"chat_completions", "fast", "vllm", 200});
  count_request(shard, {"none", "", "", 404});
  EXPECT_EQ(value_of(metrics, Family::requests,
                     R"(operation="chat_completions",route="fast",backend="vllm",code="200")"),
            2U);
  EXPECT_EQ(value_of(metrics, Family::requests,
                     R"(operation="none",route="other",backend="",code="404")"),
            1U);
}

}  // namespace
}  // namespace rocket
