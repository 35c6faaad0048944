#include "telemetry/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};

// The values of a family's series, by their labels.
std::map<std::string, std::vector<std::uint64_t>> values_of(const Metrics& metrics, Family family,
                                                            TimePoint now = start) {
  std::map<std::string, std::vector<std::uint64_t>> values;
  for (const FamilySnapshot& snapshot : metrics.collect(now)) {
    if (snapshot.info->family != family) continue;
    for (std::size_t i = 0; i < snapshot.labels.size(); ++i) {
      const auto first =
          snapshot.values.begin() + static_cast<std::ptrdiff_t>(i * snapshot.values_per_series);
      values[std::string(snapshot.labels[i])] = {
          first, first + static_cast<std::ptrdiff_t>(snapshot.values_per_series)};
    }
  }
  return values;
}

std::uint64_t overflow_of(const Metrics& metrics) {
  return values_of(metrics, Family::metric_overflow).at("").at(0);
}

TEST(Metrics, shards_are_added_up) {
  Metrics metrics(3);
  metrics.shard(0).counter(Family::retries, {"vllm"}).add();
  metrics.shard(1).counter(Family::retries, {"vllm"}).add(10);
  metrics.shard(2).counter(Family::retries, {"ollama"}).add(100);
  metrics.shard(0).gauge(Family::connections).add(5);
  metrics.shard(1).gauge(Family::connections).add(-2);
  const auto retries = values_of(metrics, Family::retries);
  EXPECT_EQ(retries.size(), 2U);
  EXPECT_EQ(retries.at(R"(backend="vllm")").at(0), 11U);
  EXPECT_EQ(retries.at(R"(backend="ollama")").at(0), 100U);
  EXPECT_EQ(values_of(metrics, Family::connections).at("").at(0), 3U);
}

TEST(Metrics, the_same_labels_are_the_same_series) {
  Metrics metrics(1);
  MetricShard& shard = metrics.shard(0);
  const Counter first = shard.counter(Family::attempts, {"a", "ok", "none"});
  const Counter again = shard.counter(Family::attempts, {"a", "ok", "none"});
  const Counter other = shard.counter(Family::attempts, {"a", "none", "ok"});
  first.add(2);
  other.add(3);
  EXPECT_EQ(again.value(), 2U);
  EXPECT_EQ(other.value(), 3U);
}

TEST(Metrics, a_gauge_hold_counts_for_as_long_as_it_lives) {
  Metrics metrics(1);
  const Gauge gauge = metrics.shard(0).gauge(Family::in_flight, {"a"});
  {
    GaugeHold one(gauge);
    GaugeHold two(gauge);
    EXPECT_EQ(gauge.value(), 2);
    GaugeHold moved(std::move(one));
    EXPECT_EQ(gauge.value(), 2);
    two = GaugeHold();
    EXPECT_EQ(gauge.value(), 1);
  }
  EXPECT_EQ(gauge.value(), 0);
}

TEST(Metrics, an_observation_counts_in_the_first_bucket_that_holds_it) {
  struct Case {
    Duration value;
    std::size_t bucket;  // of first_token: 1 ms, 2.5 ms ... 60 s, +Inf
    std::uint64_t sum;
  };
  for (const Case& c : {Case{0ns, 0, 0}, Case{-5ms, 0, 0}, Case{1ms, 0, 1'000'000},
                        Case{1ms + 1ns, 1, 1'000'001}, Case{2500us, 1, 2'500'000},
                        Case{60s, 14, 60'000'000'000}, Case{60s + 1ns, 15, 60'000'000'001}}) {
    Metrics metrics(1);
    metrics.shard(0).histogram(Family::first_token, {"b", "m"}).observe(c.value);
    const auto words = values_of(metrics, Family::first_token).at(R"(backend="b",model="m")");
    ASSERT_EQ(words.size(), 17U);
    for (std::size_t i = 0; i < 16; ++i)
      EXPECT_EQ(words[i], i == c.bucket ? 1U : 0U) << c.value.count() << " in " << i;
    EXPECT_EQ(words[16], c.sum) << c.value.count();
  }
}

TEST(Metrics, a_label_value_can_not_pass_for_another_series) {
  Metrics metrics(1);
  MetricShard& shard = metrics.shard(0);
  shard.counter(Family::tokens, {"a", R"(b",direction="in)", "out"}).add(1);
  shard.counter(Family::tokens, {R"(a",model="b)", "m", "in"}).add(2);
  shard.counter(Family::tokens, {"a", "b", "in"}).add(4);
  EXPECT_EQ(values_of(metrics, Family::tokens).size(), 3U);
}

// Two texts that come out the same must not become two samples with one name.
TEST(Metrics, values_that_look_the_same_are_one_series) {
  Metrics metrics(1);
  MetricShard& shard = metrics.shard(0);
  for (const char* broken : {"\xFF", "\xFE", "\x01", "\xFF"})
    shard.counter(Family::retries, {broken}).add();
  const auto retries = values_of(metrics, Family::retries);
  ASSERT_EQ(retries.size(), 1U);
  EXPECT_EQ(retries.at("backend=\"\uFFFD\"").at(0), 4U);
}

TEST(Metrics, beyond_the_limit_the_open_label_becomes_other) {
  Metrics metrics(2, {.samples_max = 100});
  for (int i = 0; i < 1'000; ++i) {
    MetricShard& shard = metrics.shard(static_cast<std::size_t>(i % 2));
    shard.counter(Family::tokens, {"vllm", std::to_string(i), "in"}).add();
  }
  const auto tokens = values_of(metrics, Family::tokens);
  EXPECT_EQ(tokens.size(), 91U);
  EXPECT_EQ(tokens.at(R"(backend="vllm",model="other",direction="in")").at(0), 910U);
  EXPECT_EQ(overflow_of(metrics), 910U);
  // What was there before goes on.
  metrics.shard(1).counter(Family::tokens, {"vllm", "0", "in"}).add();
  EXPECT_EQ(
      values_of(metrics, Family::tokens).at(R"(backend="vllm",model="0",direction="in")").at(0),
      2U);
  EXPECT_EQ(overflow_of(metrics), 910U);
}

TEST(Metrics, beyond_that_all_labels_do) {
  Metrics metrics(1, {.samples_max = 100});
  for (int i = 0; i < 1'000; ++i)
    metrics.shard(0).counter(Family::tokens, {std::to_string(i), std::to_string(i), "in"}).add();
  const auto tokens = values_of(metrics, Family::tokens);
  EXPECT_EQ(tokens.size(), 101U);
  EXPECT_EQ(tokens.at(R"(backend="other",model="other",direction="other")").at(0), 900U);
  EXPECT_EQ(overflow_of(metrics), 910U);
}

TEST(Metrics, a_histogram_takes_its_samples_of_the_limit) {
  Metrics metrics(1, {.samples_max = 100});  // 18 each: 5 fit into 90
  for (int i = 0; i < 50; ++i) {
    (void)metrics.shard(0).histogram(Family::first_token, {"b", std::to_string(i)});
  }
  EXPECT_EQ(values_of(metrics, Family::first_token).size(), 6U);
}

TEST(Metrics, a_long_value_is_other) {
  Metrics metrics(1, {.value_bytes_max = 8});
  metrics.shard(0).counter(Family::retries, {"12345678"}).add();
  metrics.shard(0).counter(Family::retries, {"123456789"}).add();
  const auto retries = values_of(metrics, Family::retries);
  EXPECT_EQ(retries.size(), 2U);
  EXPECT_EQ(retries.at(R"(backend="other")").at(0), 1U);
  EXPECT_EQ(overflow_of(metrics), 1U);
}

TEST(Metrics, a_retired_series_is_gone_until_it_is_looked_up) {
  Metrics metrics(2);
  MetricShard& shard = metrics.shard(0);
  const Gauge gauge = shard.gauge(Family::backend_health_status, {"a", "a/0"});
  gauge.set(1);
  shard.retire(Family::backend_health_status, {"a", "a/0"});
  shard.retire(Family::backend_health_status, {"never", "there"});
  EXPECT_TRUE(values_of(metrics, Family::backend_health_status).empty());
  gauge.set(0);  // a handle that someone still holds does no harm
  shard.gauge(Family::backend_health_status, {"a", "a/0"}).set(1);
  const auto health = values_of(metrics, Family::backend_health_status);
  ASSERT_EQ(health.size(), 1U);
  EXPECT_EQ(health.begin()->second.at(0), 1U);
}

TEST(Metrics, a_series_is_gone_only_when_all_shards_have_retired_it) {
  Metrics metrics(2);
  metrics.shard(0).gauge(Family::in_flight, {"a"}).set(1);
  metrics.shard(1).gauge(Family::in_flight, {"a"}).set(2);
  metrics.shard(0).retire(Family::in_flight, {"a"});
  EXPECT_EQ(values_of(metrics, Family::in_flight).at(R"(backend="a")").at(0), 2U);
}

// Each loop is the only writer of its shard, new series included; the sum never goes back.
TEST(Metrics, may_be_collected_while_loops_count) {
  constexpr std::size_t shards = 2;
  constexpr std::uint64_t rounds = 20'000;
  Metrics metrics(shards);
  std::atomic<std::size_t> running = shards;
  std::vector<std::thread> loops;
  for (std::size_t i = 0; i < shards; ++i) {
    loops.emplace_back([&metrics, &running, i] {
      MetricShard& shard = metrics.shard(i);
      const Counter counter = shard.counter(Family::retries, {"a"});
      for (std::uint64_t round = 0; round < rounds; ++round) {
        counter.add();
        if (round % 100 == 0) {
          shard.counter(Family::tokens, {"a", std::to_string(round), "in"}).add();
          shard.error_window(Family::backend_error_rate, {"a"}).record(start, true);
        }
      }
      --running;
    });
  }
  std::uint64_t last = 0;
  while (running > 0) {
    const auto retries = values_of(metrics, Family::retries);
    if (retries.empty()) continue;
    ASSERT_GE(retries.begin()->second.at(0), last);
    last = retries.begin()->second.at(0);
  }
  for (std::thread& loop : loops)
    loop.join();
  EXPECT_EQ(values_of(metrics, Family::retries).begin()->second.at(0), shards * rounds);
  EXPECT_EQ(values_of(metrics, Family::tokens).size(), rounds / 100);
  EXPECT_EQ(values_of(metrics, Family::backend_error_rate).begin()->second,
            (std::vector<std::uint64_t>{shards * rounds / 100, shards * rounds / 100}));
}

class ErrorWindowTest : public testing::Test {
 protected:
  void expect(TimePoint now, std::uint64_t events, std::uint64_t errors) const {
    const ErrorWindow::Counts counts = window_.counts(now);
    EXPECT_EQ(counts.events, events);
    EXPECT_EQ(counts.errors, errors);
  }

  std::array<MetricWord, ErrorWindow::words> words_;
  ErrorWindow window_{words_.data()};
};

TEST_F(ErrorWindowTest, is_empty_at_first) {
  expect(start, 0, 0);
  expect(TimePoint{}, 0, 0);
}

TEST_F(ErrorWindowTest, forgets_after_sixty_seconds) {
  window_.record(start, true);
  window_.record(start + 999ms, false);
  window_.record(start + 10s, false);
  expect(start + 10s, 3, 1);
  expect(start + 59s, 3, 1);
  expect(start + 60s, 1, 0);
  expect(start + 69s, 1, 0);
  expect(start + 70s, 0, 0);
  expect(start + 1h, 0, 0);
}

TEST_F(ErrorWindowTest, a_second_does_not_count_for_one_a_turn_of_the_ring_later) {
  window_.record(start, true);
  window_.record(start + 64s, false);  // the same word
  expect(start + 64s, 1, 0);
}

TEST_F(ErrorWindowTest, counts_what_a_loop_slightly_ahead_has_recorded) {
  window_.record(start + 1s, true);
  expect(start, 1, 1);
}

TEST_F(ErrorWindowTest, a_count_stops_at_its_most) {
  constexpr std::uint64_t most = (1U << 18) - 1;
  for (std::uint64_t i = 0; i < most + 10; ++i)
    window_.record(start, true);
  expect(start, most, most);
}

}  // namespace
}  // namespace rocket
