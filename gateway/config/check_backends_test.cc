#include "config/check_backends.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/read_config_test.h"

namespace rocket {
namespace {

TEST(CheckBackends, FindsWhatCouldNotWork) {
  const ProblemCase cases[] = {
      {R"(backends: [{name: a, urls: ["http://h:1"]}, {name: a, urls: ["http://h:1"]}])",
       {"backends[1].name: \"a\" is already the name of backends[0]; give each backend a name of "
        "its own"}},
      {R"(backends: [{name: a, urls: ["http://h:80", "http://g", "http://H/v1/"]}])",
       {"backends[0].urls[2]: is the same as backends[0].urls[0]; name each endpoint once"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], ca_file: ca.pem}])",
       {"backends[0].ca_file: no URL of this backend is https://; use https://, or remove "
        "ca_file"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], api_key_file: key.txt}])", {}},
      {R"(backends: [{name: a, kind: anthropic, urls: ["http://h:1"]}])", {}},
      {R"(backends: [{name: a, kind: claude, urls: ["http://h:1"]}])",
       {"backends[0].kind: expected a kind of backend, found \"claude\"; write ollama, vllm, "
        "lmstudio, anthropic or openai"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], health_path: health}])",
       {"backends[0].health_path: \"health\" is not a path; write it as /health"}},
      {R"(backends: [{name: a, kind: vllm, urls: ["http://h:1"], health_path: /health}])",
       {"backends[0].health_path: only kind openai has it; remove it"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], in_flight: 0}])",
       {"backends[0].in_flight: 0 lets nothing through; give more, or remove it for no limit"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], in_flight: 1}])", {}},
      {R"(backends: [{name: [], urls: x}])",
       {"backends[0].name: expected text, found a list; write one line of text",
        "backends[0].urls: expected a list, found \"x\"; write it as [A, B]"}},
  };
  expect_problems(cases);
}

TEST(CheckBackends, LooksUpWhatIsReferredTo) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(problems_of_backend_with("api_key_env: VLLM_API_KEY"), Lines{});
  EXPECT_EQ(problems_of_backend_with("api_key_file: key.txt"), Lines{});
  EXPECT_EQ(problems_of_backend_with("api_key_env: UNSET"),
            (Lines{"backends[0].api_key_env: the environment variable is not set; set the variable "
                   "that it names to the key, or remove api_key_env"}));
  EXPECT_EQ(problems_of_backend_with("api_key_env: BROKEN_KEY"),
            (Lines{"backends[0].api_key_env: the key holds a space, a line break or a character "
                   "that is not ASCII; set the variable that it names to the key, or remove "
                   "api_key_env"}));
  EXPECT_EQ(problems_of_backend_with("api_key_file: none.txt"),
            (Lines{"backends[0].api_key_file: the file can not be read: No such file or "
                   "directory; let the file hold the key and nothing else, or remove "
                   "api_key_file"}));
  EXPECT_EQ(problems_of_backend_with("api_key_env: VLLM_API_KEY, api_key_file: key.txt"),
            (Lines{"backends[0].api_key_file: given besides api_key_env; remove one of the two"}));
  EXPECT_EQ(problems_of_backend_with("ca_file: ca.pem"), Lines{});
  EXPECT_EQ(problems_of_backend_with("ca_file: none.pem"),
            (Lines{"backends[0].ca_file: \"none.pem\" can not be read: No such file or directory; "
                   "name a PEM file that Rocket may read"}));
  EXPECT_EQ(problems_of_backend_with("ca_file: key.txt"),
            (Lines{"backends[0].ca_file: \"key.txt\" holds no PEM certificate; name a PEM file "
                   "that Rocket may read"}));
}

TEST(CheckBackends, FindRocketItself) {
  struct Self {
    std::string_view settings;
    std::string_view url;
    bool refused;
  };
  const Self cases[] = {
      {"", "http://127.0.0.1:8000", true},
      {"", "http://127.0.0.1:8090/base", true},
      {"", "http://localhost:8000", true},
      {"", "http://0.0.0.0:8000", true},
      {"", "http://[::ffff:127.0.0.1]:8000", true},
      {"", "http://127.0.0.1:8001", false},
      {"", "http://127.0.0.2:8000", false},
      {"", "http://h:8000", false},
      {"listen: 0.0.0.0:8000\nallow_unauthenticated: true", "http://127.0.0.2:8000", true},
      {"listen: 0.0.0.0:8000\nallow_unauthenticated: true", "http://[::1]:8000", true},
      {"listen: 10.0.0.1:8000\nallow_unauthenticated: true", "http://10.0.0.1:8000", true},
      {"listen: 10.0.0.1:8000\nallow_unauthenticated: true", "http://127.0.0.1:8000", false},
      {"listen: unix:/s", "http://127.0.0.1:8000", false},
      {"listen: 127.0.0.1:0", "http://127.0.0.1:8000", false},
  };
  for (const Self& c : cases) {
    const std::vector<std::string> problems =
        problems_of(fmt::format("backends: [{{name: a, urls: [\"{}\"]}}]\n{}", c.url, c.settings));
    EXPECT_EQ(problems.empty(), !c.refused) << c.settings << ' ' << c.url;
    if (!problems.empty()) {
      EXPECT_EQ(problems[0],
                "backends[0].urls[0]: is Rocket's own address: it would call itself; "
                "give the port of the model server");
    }
  }
}

TEST(CheckBackends, KnowTheAddressOfACall) {
  for (const std::string_view path :
       {"/v1/chat/completions", "/v1/chat/completions/", "/v1/models", "/base/v1/embeddings"}) {
    const std::vector<std::string> problems =
        problems_of(fmt::format("backends: [{{name: a, urls: [\"http://h{}\"]}}]", path));
    ASSERT_EQ(problems.size(), 1U) << path;
    EXPECT_TRUE(problems[0].starts_with("backends[0].urls[0]: ends in /")) << problems[0];
    EXPECT_TRUE(problems[0].ends_with("; end it before /v1 or /api")) << problems[0];
  }
  EXPECT_TRUE(problems_of("backends: [{name: a, urls: [\"http://h/my-models\"]}]").empty());
}

TEST(CheckRoutes, AndOrderNameBackends) {
  const ProblemCase cases[] = {
      {"order: [vllm]", {}},
      {"order: []", {}},
      {"order: [vlm]", {"order[0]: no backend is called \"vlm\"; did you mean \"vllm\"?"}},
      {"order: [vllm, vllm]", {"order[1]: is the same as order[0]; name each backend once"}},
      {"models: {m: []}",
       {"models.m.candidates: no candidates; name at least one, such as {backend: NAME, model: "
        "NAME}"}},
      {"models: {\"\": [{backend: vllm, model: x}]}",
       {"models[\"\"]: a route without a name; name it"}},
      {"models: {m: [{model: x}]}", {"models.m.candidates[0].backend: missing; name a backend"}},
      {"models: {qwen2.5: {candidates: [{backend: vlm, model: x}]}}",
       {"models[\"qwen2.5\"].candidates[0].backend: no backend is called \"vlm\"; did you mean "
        "\"vllm\"?"}},
      {"models: {m: [{backend: vllm}]}",
       {"models.m.candidates[0].model: missing, and backend \"vllm\" has no default_model; name "
        "the model, or give the backend a default_model"}},
      {"models: {m: [{backend: vllm, model: []}]}",
       {"models.m.candidates[0].model: expected text, found a list; write one line of text"}},
      {"models: {m: [{backend: vllm, model: x, weight: 9}, {backend: vllm, model: y}]}",
       {"models.m.candidates[1].weight: missing, while other candidates of this route have a "
        "weight; give every candidate a weight (0: only when the others can not answer), or "
        "none"}},
      {"models: {m: [{backend: vllm, model: x, weight: 0}, {backend: vllm, model: y, weight: 9}]}",
       {}},
      {"models: {m: {candidates: [{backend: vllm, model: x}], in_flight: 0}}",
       {"models.m.in_flight: 0 lets nothing through; give more, or remove it for no limit"}},
      {"models: {m: [{backend: vllm, model: x, weight: -1}]}",
       {"models.m.candidates[0].weight: -1 is out of range; give 0 to 1000000"}},
      {"models: {m: [{backend: vllm, model: x, weight: 0}, {backend: vllm, model: y}]}", {}},
      {"models: {m: [7, {backend: vllm, model: x, weight: 9}]}",
       {"models.m.candidates[0]: expected keys and values, found \"7\"; write them as {key: "
        "value}"}},
  };
  expect_problems_besides_backend(cases);
}

}  // namespace
}  // namespace rocket
