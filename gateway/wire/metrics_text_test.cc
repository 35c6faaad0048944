#include "wire/metrics_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace rocket {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(MetricsText, ReadsALine) {
  const struct {
    const char* name;
    std::string_view line;
    std::string_view metric;
    std::string_view labels;
    double value;
  } cases[] = {
      {"bare", "up 1", "up", "", 1},
      {"a colon in the name", "vllm:num_requests_waiting 3", "vllm:num_requests_waiting", "", 3},
      {"labels", R"(a{engine="0",model_name="m"} 4.0)", "a", R"(engine="0",model_name="m")", 4},
      {"empty labels", "a{} 1", "a", "", 1},
      {"a brace in a label", R"(a{b="}"} 1)", "a", R"(b="}")", 1},
      {"an escaped quote", R"(a{b="\"}"} 1)", "a", R"(b="\"}")", 1},
      {"a backslash before the quote", R"(a{b="\\"} 1)", "a", R"(b="\\")", 1},
      {"a space behind the name", "a {b=\"c\"} 1", "a", R"(b="c")", 1},
      {"no space behind the labels", R"(a{b="c"}1)", "a", R"(b="c")", 1},
      {"a timestamp", "a 1 1395066363000", "a", "", 1},
      {"an exemplar", R"(a_bucket{le="1"} 7 # {trace_id="x"} 0.67)", "a_bucket", R"(le="1")", 7},
      {"tabs and a carriage return", "\ta\t2\t\r", "a", "", 2},
      {"an exponent", "a 1.5e-2", "a", "", 0.015},
      {"a plus sign", "a +3", "a", "", 3},
      {"negative", "a -3", "a", "", -3},
      {"infinite", "a +Inf", "a", "", infinite},
      {"infinite the other way", "a -Inf", "a", "", -infinite},
  };
  for (const auto& c : cases) {
    const auto sample = read_metric_line(c.line);
    ASSERT_TRUE(sample) << c.name;
    EXPECT_EQ(sample->name, c.metric) << c.name;
    EXPECT_EQ(sample->labels, c.labels) << c.name;
    EXPECT_EQ(sample->value, c.value) << c.name;
  }
  const auto none = read_metric_line("a NaN");
  ASSERT_TRUE(none);
  EXPECT_TRUE(std::isnan(none->value));
}

TEST(MetricsText, WhatIsNoSampleIsNone) {
  for (const std::string_view line :
       {"",     " ",        "\r",        "# HELP a b", "# TYPE a gauge", "#",           "a",
        "a ",   "a{",       "a{b=\"c\"", "a{b=\"}",    "a{b=\"c\"}",     "a{b=\"c\"} ", "a one",
        "a 1x", "a 0x10",   "a +",       "a 1e999",    "{b=\"c\"} 1",    "a-b 1",       "<html>",
        "a=1",  "{\"a\":1}"}) {
    EXPECT_FALSE(read_metric_line(line)) << line;
  }
}

TEST(MetricsText, ReadsAllOfAText) {
  const auto read = [](std::string_view text) {
    std::vector<std::string> all;
    for_each_sample(text, [&](const MetricSample& one) {
      all.push_back(std::string(one.name) + '=' + std::to_string(static_cast<int>(one.value)));
    });
    return all;
  };
  using All = std::vector<std::string>;
  EXPECT_EQ(read(""), All());
  EXPECT_EQ(read("\n\n"), All());
  EXPECT_EQ(read("# TYPE a gauge\na 1\nb{c=\"d\"} 2\r\nnonsense\ne 3"), (All{"a=1", "b=2", "e=3"}));
  EXPECT_EQ(read("a 1\na 2\n# EOF\n"), (All{"a=1", "a=2"}));
}

}  // namespace
}  // namespace rocket
