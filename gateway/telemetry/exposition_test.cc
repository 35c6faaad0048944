#include "telemetry/exposition.h"

#include <gtest/gtest.h>

#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "base/random.h"
#include "base/utf8.h"
#include "telemetry/backend_metrics.h"

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};

struct ParsedSample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct ParsedFamily {
  std::string type;
  std::vector<ParsedSample> samples;
};

using ParsedFamilies = std::map<std::string, ParsedFamily>;

// A second reading of the format 0.0.4, stricter than a scraper's: every family has HELP, TYPE
// and samples, in this order and in one piece. Throws where the text is not so.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  ParsedFamilies parse() {
    while (!text_.empty())
      parse_family();
    return std::move(families_);
  }

 private:
  static void demand(bool condition, const char* what) {
    if (!condition) throw std::runtime_error(what);
  }

  bool take(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  std::string take_name(bool colons) {
    std::size_t size = 0;
    while (size < text_.size() &&
           (std::isalpha(static_cast<unsigned char>(text_[size])) || text_[size] == '_' ||
            (colons && text_[size] == ':') ||
            (size > 0 && std::isdigit(static_cast<unsigned char>(text_[size]))))) {
      ++size;
    }
    demand(size > 0, "a name is missing");
    std::string name(text_.substr(0, size));
    text_.remove_prefix(size);
    return name;
  }

  void parse_family() {
    demand(take("# HELP "), "a family has no HELP");
    const std::string name = take_name(true);
    demand(take(" "), "HELP has no text");
    const std::size_t help_end = text_.find('\n');
    demand(help_end != text_.npos && help_end > 0, "HELP has no text or no end");
    demand(text_.substr(0, help_end).find('\\') == text_.npos, "HELP has an escape");
    text_.remove_prefix(help_end + 1);

    demand(take("# TYPE " + name + " "), "TYPE does not follow HELP");
    ParsedFamily family;
    for (const char* type : {"counter", "gauge", "histogram"}) {
      if (take(std::string(type) + "\n")) family.type = type;
    }
    demand(!family.type.empty(), "an unknown TYPE");
    while (!text_.empty() && !text_.starts_with('#'))
      family.samples.push_back(parse_sample(name, family.type));
    demand(!family.samples.empty(), "a family has no samples");
    if (family.type == "histogram") check_histogram(family);
    demand(families_.emplace(name, std::move(family)).second, "a family stands twice");
  }

  ParsedSample parse_sample(const std::string& family, const std::string& type) {
    ParsedSample sample;
    sample.name = take_name(true);
    if (type == "histogram") {
      demand(sample.name == family + "_bucket" || sample.name == family + "_sum" ||
                 sample.name == family + "_count",
             "a sample of another family");
    } else {
      demand(sample.name == family, "a sample of another family");
    }
    if (take("{")) {
      do {
        const std::string label = take_name(false);
        demand(take("=\""), "a label has no value");
        demand(sample.labels.emplace(label, take_label_value()).second, "a label stands twice");
      } while (take(","));
      demand(take("}"), "labels have no end");
    }
    demand(take(" "), "a sample has no value");
    const std::size_t end = text_.find('\n');
    demand(end != text_.npos, "a sample has no end");
    sample.value = parse_number(text_.substr(0, end));
    demand(type == "gauge" || sample.value >= 0, "a negative count");
    text_.remove_prefix(end + 1);
    demand(seen_.emplace(sample.name, sample.labels).second, "a sample stands twice");
    return sample;
  }

  std::string take_label_value() {
    std::string value;
    while (true) {
      demand(!text_.empty(), "a label's value has no end");
      if (take("\"")) return value;
      if (take("\\\\")) {
        value += '\\';
      } else if (take("\\\"")) {
        value += '"';
      } else if (take("\\n")) {
        value += '\n';
      } else {
        const Utf8Piece piece = first_utf8_piece(text_);
        demand(piece.valid, "not UTF-8");
        demand(piece.code_point >= 0x20 && piece.code_point != '\\', "a raw control or backslash");
        value += text_.substr(0, piece.bytes);
        text_.remove_prefix(piece.bytes);
      }
    }
  }

  static double parse_number(std::string_view text) {
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [parsed_end, error] = std::from_chars(text.data(), end, value);
    demand(error == std::errc() && parsed_end == end, "not a number");
    return value;
  }

  // Each series: buckets ascending and cumulative, the last +Inf and equal to the count; a sum.
  static void check_histogram(const ParsedFamily& family) {
    for (std::size_t i = 0; i < family.samples.size(); ++i) {
      double last_bound = -1;
      double last_count = 0;
      auto series = family.samples[i].labels;
      series.erase("le");
      for (; family.samples.at(i).name.ends_with("_bucket"); ++i) {
        auto labels = family.samples[i].labels;
        const double bound = parse_number(labels.at("le"));
        labels.erase("le");
        demand(labels == series, "a bucket of another series");
        demand(bound > last_bound, "buckets out of order");
        demand(family.samples[i].value >= last_count, "buckets are not cumulative");
        last_bound = bound;
        last_count = family.samples[i].value;
      }
      demand(last_bound == std::numeric_limits<double>::infinity(), "the last is not +Inf");
      demand(family.samples.at(i).name.ends_with("_sum"), "no sum");
      demand(family.samples.at(i).labels == series, "a sum of another series");
      ++i;
      demand(family.samples.at(i).name.ends_with("_count"), "no count");
      demand(family.samples.at(i).labels == series, "a count of another series");
      demand(family.samples.at(i).value == last_count, "+Inf is not the count");
    }
  }

  std::string_view text_;
  ParsedFamilies families_;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen_;
};

std::optional<double> value_of(const ParsedFamilies& families, const std::string& family,
                               const std::map<std::string, std::string>& labels,
                               std::string_view suffix = "") {
  const auto found = families.find(family);
  if (found == families.end()) return std::nullopt;
  for (const ParsedSample& sample : found->second.samples) {
    if (sample.name == family + std::string(suffix) && sample.labels == labels) return sample.value;
  }
  return std::nullopt;
}

// Every family that dashboards rely on, counted at least once.
void count_everything(MetricShard& shard) {
  BackendMetrics backend(shard, "vllm");
  backend.record_attempt(start, Outcome::ok, Blame::none);
  backend.record_attempt(start, Outcome::error, Blame::upstream);
  backend.model("m").first_token.observe(40ms);
  backend.model("m").output_token.observe(9ms);
  backend.model("m").tokens_in.add(5);
  count_request(shard, {"chat_completions", "fast", "vllm", 200});
  shard.gauge(Family::backend_health_status, {"vllm", "vllm/0"}).set(1);
  shard.gauge(Family::breaker_state, {"vllm/0"}).set(2);
  shard.counter(Family::key_requests, {"alice"}).add();
  shard.counter(Family::key_tokens, {"alice", "out"}).add(7);
  shard.counter(Family::receipts_missed).add();
  shard.counter(Family::traces, {"sent"}).add();
  shard.counter(Family::trace_spans_rejected).add();
  shard.counter(Family::media_fetches, {"ok"}).add();
  shard.gauge(Family::batches, {"in_progress"}).set(1);
  shard.counter(Family::batches_ended, {"completed"}).add();
  shard.counter(Family::batch_lines, {"done"}).add(9);
  shard.gauge(Family::batch_lines_in_flight).set(4);
  shard.counter(Family::batch_tokens, {"in"}).add(70);
  shard.gauge(Family::config_revision).set(3);
  shard.gauge(Family::connections).add(2);
  shard.gauge(Family::stored_responses).set(1);
  shard.gauge(Family::stored_response_bytes).set(900);
}

TEST(Exposition, has_every_pinned_name_with_its_type_and_labels) {
  struct Case {
    const char* name;
    const char* type;
    std::vector<std::string> labels;
  };
  const Case cases[] = {
      {"backend_health_status", "gauge", {"backend", "endpoint"}},
      {"backend_request_count", "counter", {"backend"}},
      {"backend_error_rate", "gauge", {"backend"}},
      {"rocket_requests_total", "counter", {"backend", "code", "operation", "route"}},
      {"rocket_attempts_total", "counter", {"backend", "blame", "outcome"}},
      {"rocket_retries_total", "counter", {"backend"}},
      {"rocket_failovers_total", "counter", {"backend"}},
      {"rocket_hedges_total", "counter", {"backend"}},
      {"rocket_cancels_total", "counter", {"backend"}},
      {"rocket_breaker_state", "gauge", {"endpoint"}},
      {"rocket_in_flight", "gauge", {"backend"}},
      {"rocket_first_token_seconds", "histogram", {"backend", "le", "model"}},
      {"rocket_output_token_seconds", "histogram", {"backend", "le", "model"}},
      {"rocket_tokens_total", "counter", {"backend", "direction", "model"}},
      {"rocket_key_requests_total", "counter", {"key"}},
      {"rocket_key_tokens_total", "counter", {"direction", "key"}},
      {"rocket_config_revision", "gauge", {}},
      {"rocket_connections", "gauge", {}},
      {"rocket_stored_responses", "gauge", {}},
      {"rocket_stored_response_bytes", "gauge", {}},
      {"rocket_receipts_missed_total", "counter", {}},
      {"rocket_traces_total", "counter", {"result"}},
      {"rocket_trace_spans_rejected_total", "counter", {}},
      {"rocket_media_fetches_total", "counter", {"result"}},
      {"rocket_batches", "gauge", {"status"}},
      {"rocket_batches_ended_total", "counter", {"status"}},
      {"rocket_batch_lines_total", "counter", {"result"}},
      {"rocket_batch_lines_in_flight", "gauge", {}},
      {"rocket_batch_tokens_total", "counter", {"direction"}},
      {"rocket_metric_overflow_total", "counter", {}},
      {"rocket_build_info", "gauge", {"version"}},
      {"process_resident_memory_bytes", "gauge", {}},
      {"process_open_fds", "gauge", {}},
      {"process_cpu_seconds_total", "counter", {}},
      {"process_start_time_seconds", "gauge", {}},
  };
  Metrics metrics(1);
  count_everything(metrics.shard(0));
  const ParsedFamilies families = Parser(Exposition(metrics, "1.2.3").text(start)).parse();
  for (const Case& c : cases) {
    ASSERT_TRUE(families.contains(c.name)) << c.name;
    EXPECT_EQ(families.at(c.name).type, c.type) << c.name;
    std::vector<std::string> labels;
    for (const auto& [label, value] : families.at(c.name).samples.at(0).labels)
      labels.push_back(label);
    EXPECT_EQ(labels, c.labels) << c.name;
  }
  EXPECT_EQ(families.size(), std::size(cases));
}

TEST(Exposition, has_the_values) {
  Metrics metrics(2);
  count_everything(metrics.shard(0));
  count_everything(metrics.shard(1));
  const ParsedFamilies families = Parser(Exposition(metrics, "1.2.3").text(start)).parse();
  EXPECT_EQ(value_of(families, "backend_request_count", {{"backend", "vllm"}}), 4);
  EXPECT_EQ(value_of(families, "backend_error_rate", {{"backend", "vllm"}}), 0.5);
  EXPECT_EQ(value_of(families, "rocket_connections", {}), 4);
  EXPECT_EQ(value_of(families, "rocket_build_info", {{"version", "1.2.3"}}), 1);
  EXPECT_EQ(value_of(families, "rocket_tokens_total",
                     {{"backend", "vllm"}, {"model", "m"}, {"direction", "in"}}),
            10);
  const auto bucket = [&families](const char* le) {
    return value_of(families, "rocket_first_token_seconds",
                    {{"backend", "vllm"}, {"model", "m"}, {"le", le}}, "_bucket");
  };
  EXPECT_EQ(bucket("0.025"), 0);
  EXPECT_EQ(bucket("0.05"), 2);
  EXPECT_EQ(bucket("60"), 2);
  EXPECT_EQ(value_of(families, "rocket_first_token_seconds", {{"backend", "vllm"}, {"model", "m"}},
                     "_sum"),
            0.08);
}

TEST(Exposition, has_the_pinned_buckets) {
  Metrics metrics(1);
  count_everything(metrics.shard(0));
  const ParsedFamilies families = Parser(Exposition(metrics, "1").text(start)).parse();
  const auto bounds = [&families](const char* family) {
    std::string joined;
    for (const ParsedSample& sample : families.at(family).samples) {
      const auto le = sample.labels.find("le");
      if (le != sample.labels.end()) joined += le->second + " ";
    }
    return joined;
  };
  EXPECT_EQ(bounds("rocket_first_token_seconds"),
            "0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 +Inf ");
  EXPECT_EQ(bounds("rocket_output_token_seconds"),
            "0.001 0.0025 0.005 0.01 0.02 0.03 0.05 0.075 0.1 0.15 0.25 0.5 1 +Inf ");
}

TEST(Exposition, a_gauge_may_be_negative) {
  Metrics metrics(1);
  metrics.shard(0).gauge(Family::connections).set(-3);
  const ParsedFamilies families = Parser(Exposition(metrics, "1").text(start)).parse();
  EXPECT_EQ(value_of(families, "rocket_connections", {}), -3);
}

TEST(Exposition, without_attempts_the_error_rate_is_zero) {
  Metrics metrics(1);
  BackendMetrics backend(metrics.shard(0), "a");
  backend.record_attempt(start, Outcome::error, Blame::upstream);
  const Exposition exposition(metrics, "1");
  const auto rate = [&exposition](TimePoint now) {
    return value_of(Parser(exposition.text(now)).parse(), "backend_error_rate", {{"backend", "a"}});
  };
  EXPECT_EQ(rate(start), 1);
  EXPECT_EQ(rate(start + 61s), 0);
}

TEST(Exposition, label_values_come_back_as_they_were) {
  struct Case {
    const char* value;
    const char* parsed;
  };
  for (const Case& c :
       {Case{R"(a"b\c)", R"(a"b\c)"}, Case{"a\nb", "a\nb"}, Case{R"(a\nb)", R"(a\nb)"},
        Case{"}", "}"}, Case{"ünï €😀", "ünï €😀"}, Case{"\r\x1b\x7f", "\uFFFD\uFFFD\uFFFD"},
        Case{"\xFF\xE2\x80", "\uFFFD\uFFFD"}, Case{"\u0085", "\uFFFD"}, Case{"", ""}}) {
    Metrics metrics(1);
    metrics.shard(0).counter(Family::retries, {c.value}).add(7);
    const ParsedFamilies families = Parser(Exposition(metrics, "1").text(start)).parse();
    EXPECT_EQ(value_of(families, "rocket_retries_total", {{"backend", c.parsed}}), 7) << c.parsed;
  }
}

TEST(Exposition, stays_small_whatever_models_and_keys_there_are) {
  Metrics metrics(2);
  const std::string long_name(120, '"');  // of two bytes each when escaped
  Random random(1);
  constexpr int names = 100'000;
  for (int i = 0; i < names; ++i) {
    MetricShard& shard = metrics.shard(static_cast<std::size_t>(i % 2));
    std::string name = std::to_string(random.next());
    if (i % 3 == 0) name = long_name + name;  // too long for a label
    if (i % 3 == 1) name = long_name.substr(0, 100) + name.substr(0, 20);
    shard.counter(Family::tokens, {"vllm", name, "in"}).add();
    shard.histogram(Family::first_token, {"vllm", name}).observe(1ms);
    shard.histogram(Family::output_token, {"vllm", name}).observe(1ms);
    count_request(shard, {"chat_completions", name, "vllm", 200});
    shard.counter(Family::key_requests, {name}).add();
    shard.counter(Family::key_tokens, {name, i % 5 == 0 ? "in" : "out"}).add();
  }
  const std::string text = Exposition(metrics, "1").text(start);
  EXPECT_LE(text.size(), 1'000'000U);
  EXPECT_GE(text.size(), 400'000U) << "the limits leave room for real models";
  const ParsedFamilies families = Parser(text).parse();
  for (const char* family : {"rocket_tokens_total", "rocket_requests_total",
                             "rocket_key_requests_total", "rocket_key_tokens_total"}) {
    double sum = 0;
    for (const ParsedSample& sample : families.at(family).samples)
      sum += sample.value;
    EXPECT_EQ(sum, names) << family;
  }
  for (const char* family : {"rocket_first_token_seconds", "rocket_output_token_seconds"}) {
    double sum = 0;
    for (const ParsedSample& sample : families.at(family).samples)
      sum += sample.name.ends_with("_count") ? sample.value : 0;
    EXPECT_EQ(sum, names) << family;
  }
  EXPECT_GT(value_of(families, "rocket_metric_overflow_total", {}), names);
}

TEST(Exposition, tells_how_busy_each_loop_was) {
  Metrics metrics(2);
  Exposition exposition(metrics, "1.2.3");
  exposition.add_loop([] { return Duration(1500ms); });
  exposition.add_loop([] { return Duration(0); });
  const ParsedFamilies families = Parser(exposition.text(start)).parse();
  const ParsedFamily& busy = families.at("rocket_loop_busy_seconds_total");
  EXPECT_EQ(busy.type, "counter");
  ASSERT_EQ(busy.samples.size(), 2U);
  EXPECT_EQ(busy.samples[0].labels, (std::map<std::string, std::string>{{"loop", "0"}}));
  EXPECT_EQ(busy.samples[0].value, 1.5);
  EXPECT_EQ(busy.samples[1].labels, (std::map<std::string, std::string>{{"loop", "1"}}));
  EXPECT_EQ(busy.samples[1].value, 0);
}

TEST(Exposition, knows_its_process) {
  const Metrics metrics(1);
  const Exposition exposition(metrics, "1");
  const ParsedFamilies families = Parser(exposition.text(start)).parse();
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_GT(value_of(families, "process_resident_memory_bytes", {}), 1e6);
  EXPECT_GE(value_of(families, "process_open_fds", {}), 3);
  EXPECT_GE(value_of(families, "process_cpu_seconds_total", {}), 0);
  const auto started = value_of(families, "process_start_time_seconds", {});
  EXPECT_LE(started, now + 1);
  EXPECT_GT(started, now - 24 * 3600);
  EXPECT_EQ(value_of(Parser(exposition.text(start)).parse(), "process_start_time_seconds", {}),
            started);
}

// The parser above is worth nothing if it takes everything.
TEST(ExpositionParser, refuses_what_the_format_does_not_allow) {
  const std::string head = "# HELP a A.\n# TYPE a gauge\n";
  const std::string histogram = "# HELP h H.\n# TYPE h histogram\n";
  EXPECT_NO_THROW(Parser(head + "a{b=\"c\"} 1\n").parse());
  EXPECT_NO_THROW(
      Parser(histogram + "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n")
          .parse());
  for (const std::string& text : std::vector<std::string>{
           "a 1\n",
           "# TYPE a gauge\na 1\n",
           head,
           head + "a 1",
           head + "b 1\n",
           head + "a one\n",
           head + "a 1 2\n",
           head + "a 1\na 1\n",
           head + "a{b=\"c\"} 1\na{b=\"c\"} 2\n",
           head + "a{b=\"c\" 1\n",
           head + "a{b=\"c} 1\n",
           head + "a{b=\"c\",b=\"d\"} 1\n",
           head + "a{1=\"c\"} 1\n",
           head + "a{b=\"\\t\"} 1\n",
           head + "a{b=\"\xFF\"} 1\n",
           head + "a{b=\"c\nd\"} 1\n",
           head + "a 1\n" + head + "a{b=\"c\"} 1\n",
           "# HELP a A.\n# TYPE a counter\na -1\n",
           histogram + "h_bucket{le=\"1\"} 1\nh_sum 3\nh_count 1\n",
           histogram + "h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n",
           histogram + "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 1\n",
           histogram + "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
                       "h_sum 3\nh_count 1\n",
       }) {
    EXPECT_ANY_THROW(Parser(text).parse()) << text;
  }
}

}  // namespace
}  // namespace rocket
