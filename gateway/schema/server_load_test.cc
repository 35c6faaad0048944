#include "schema/server_load.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

constexpr std::uint16_t untold = LoadFigures::untold;
using Missing = std::vector<std::string_view>;

TEST(ServerLoad, ReadsGauges) {
  const struct {
    const char* name;
    std::string_view text;
    LoadFigures expected;
  } cases[] = {
      {"vLLM",
       "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
       "# TYPE vllm:num_requests_running gauge\n"
       "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 2.0\n"
       "vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 1.0\n"
       "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.25\n",
       {1, 2, untold, 250}},
      {"an old vLLM",
       "vllm:num_requests_running{model_name=\"m\"} 0.0\n"
       "vllm:num_requests_waiting{model_name=\"m\"} 0.0\n"
       "vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.9\n",
       {0, 0, untold, 900}},
      {"both names of the cache",
       "vllm:gpu_cache_usage_perc 0.1\nvllm:kv_cache_usage_perc 0.2\n",
       {untold, untold, untold, 200}},
      {"several engines",
       "vllm:num_requests_running{engine=\"0\"} 2\nvllm:num_requests_running{engine=\"1\"} 3\n"
       "vllm:num_requests_waiting{engine=\"0\"} 0\nvllm:num_requests_waiting{engine=\"1\"} 4\n"
       "vllm:kv_cache_usage_perc{engine=\"0\"} 0.5\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.25\n",
       {4, 5, untold, 500}},
      {"llama.cpp",
       "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 1\n"
       "llamacpp:requests_deferred 3\nllamacpp:kv_cache_usage_ratio 0.125\n",
       {3, 1, untold, 125}},
      {"SGLang",
       "sglang:num_running_reqs{model_name=\"m\"} 7.0\nsglang:num_queue_reqs{model_name=\"m\"} 8\n"
       "sglang:token_usage{model_name=\"m\"} 0.6\n",
       {8, 7, untold, 600}},
      {"more than can be told", "vllm:num_requests_waiting 1e9\n", {65534, untold, untold, untold}},
      {"less than none", "vllm:num_requests_waiting -1\n", {0, untold, untold, untold}},
      {"no number", "vllm:num_requests_waiting NaN\nvllm:num_requests_running +Inf\n", {}},
      {"something else", "up 1\nhttp_requests_total 5\n", {}},
      {"nothing", "", {}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_gauges(c.text, false).figures, c.expected) << c.name;
}

TEST(ServerLoad, SaysWhatIsMissing) {
  const struct {
    const char* name;
    std::string_view text;
    Missing expected;
  } cases[] = {
      {"nothing is",
       "vllm:num_requests_running 1\nvllm:num_requests_waiting 1\nvllm:kv_cache_usage_perc 0\n",
       {}},
      {"an old name will do",
       "vllm:num_requests_running 1\nvllm:num_requests_waiting 1\nvllm:gpu_cache_usage_perc 0\n",
       {}},
      {"renamed once more",
       "vllm:num_requests_running 1\nvllm:num_requests_waiting 1\nvllm:cache_usage 0\n",
       {"vllm:kv_cache_usage_perc"}},
      {"all",
       "up 1\n",
       {"vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc"}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(read_gauges(c.text, true).missing, c.expected) << c.name;
    EXPECT_EQ(read_gauges(c.text, false).missing, Missing()) << c.name;
  }
}

TEST(ServerLoad, ReadsSlots) {
  const struct {
    const char* name;
    std::string_view body;
    LoadFigures expected;
  } cases[] = {
      {"two, one at work",
       R"([{"id":0,"n_ctx":2048,"is_processing":true,"next_token":{}},
           {"id":1,"n_ctx":2048,"is_processing":false}])",
       {untold, 1, 2, untold}},
      {"none at work", R"([{"id":0,"is_processing":false}])", {untold, 0, 1, untold}},
      {"without a word on it", R"([{"id":0}])", {}},
      {"none", "[]", {}},
      {"an error", R"({"error":{"code":501,"message":"This server does not support slots"}})", {}},
      {"no JSON", "[", {}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_slots(c.body), c.expected) << c.name;
}

TEST(ServerLoad, TwoSourcesFillEachOtherIn) {
  const LoadFigures slots{untold, 1, 2, untold};
  const LoadFigures gauges{3, 1, untold, 125};
  EXPECT_EQ(filled_in(slots, gauges), (LoadFigures{3, 1, 2, 125}));
  EXPECT_EQ(filled_in({}, gauges), gauges);
  EXPECT_EQ(filled_in(slots, {}), slots);
}

}  // namespace
}  // namespace rocket
