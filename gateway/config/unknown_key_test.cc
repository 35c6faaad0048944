#include "config/unknown_key.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/read_config_test.h"

namespace rocket {
namespace {

TEST(UnknownKey, IsExplained) {
  const ProblemCase cases[] = {
      {"lisen: x", {"lisen: unknown key; did you mean \"listen\"?"}},
      {"drain: {lame-duck: 1s}", {"drain.lame-duck: unknown key; did you mean \"lame_duck\"?"}},
      {"drain: {when: 1s}", {"drain.when: unknown key; known here: lame_duck, timeout"}},
      {"models: {m: {candidate: []}}",
       {"models.m.candidate: unknown key; did you mean \"candidates\"?",
        "models.m.candidates: no candidates; name at least one, such as {backend: NAME, model: "
        "NAME}"}},
      {"models: {m: [{backend: vllm, modle: x, model: y}]}",
       {"models.m.candidates[0].modle: unknown key; did you mean \"model\"?"}},
      {"\"odd.key\": 1",
       {"[\"odd.key\"]: unknown key; known here: listen, admin, metrics_listen, threads, backends, "
        "order, models, timeouts, health, breaker, outlier, retry, hedge, lanes, limits, "
        "heartbeat, embedding_batching, responses, store, batch, drain, cors, mark_backend, "
        "media_urls, ..."}},
      {"threads: 1\nthreads: 2\nthreads: 3", {"threads: given more than once; keep one of them"}},
      {"thread: 1\nthread: 2",
       {"thread: given more than once; keep one of them",
        "thread: unknown key; did you mean \"threads\"?"}},
      {"health: {rise: 1, rise: 1}", {"health.rise: given more than once; keep one of them"}},
      {"models: {m: [{backend: vllm, model: x}], m: [{backend: vllm, model: x}]}",
       {"models.m: given more than once; keep one of them"}},
      {"stor3: 1", {"stor3: unknown key; did you mean \"store\"?"}},
  };
  expect_problems_besides_backend(cases);
}

TEST(UnknownKey, OfASecretIsRefusedWithoutShowingIt) {
  const std::string_view inline_secret =
      ": an inline secret; put it in a file or an environment variable and name it with "
      "api_key_file or api_key_env";
  struct Inline {
    std::string_view yaml;
    std::string_view path;
  };
  const Inline cases[] = {
      {"api_key: sk-s3cret", "backends[0].api_key"},
      {"api-key: sk-s3cret", "backends[0].api-key"},
      {"apiKey: sk-s3cret", "backends[0].apiKey"},
      {"api_key: [sk-s3cret]", "backends[0].api_key"},
      {"password: sk-s3cret", "backends[0].password"},
      {"tokens: {token: sk-s3cret}", "backends[0].tokens.token"},
      {"auth: {x: [{Authorization: sk-s3cret}]}", "backends[0].auth.x[0].Authorization"},
  };
  for (const Inline& c : cases) {
    const std::vector<std::string> problems = problems_of_backend_with(c.yaml);
    ASSERT_FALSE(problems.empty()) << c.yaml;
    EXPECT_EQ(problems.back(), fmt::format("{}{}", c.path, inline_secret));
  }
  const std::string_view misplaced[] = {
      "api_key_env: sk-s3cret",
      "api_key_env: sk_s3cret",
      "api_key_file: sk-s3cret",
      "api_key_fil: sk-s3cret",
      "api_key: *sk-s3cret",
      "headers: {key: sk-s3cret}",
      "urls: [\"http://sk-s3cret@h\", \"sk-s3cret\"]",
      "api_key: sk-s3cret\"",
  };
  for (const std::string_view yaml : misplaced) {
    const std::vector<std::string> problems = problems_of_backend_with(yaml);
    EXPECT_FALSE(problems.empty()) << yaml;
    for (const std::string& problem : problems) {
      EXPECT_EQ(problem.find("s3cret"), std::string::npos) << problem;
    }
  }
}

}  // namespace
}  // namespace rocket
