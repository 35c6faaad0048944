#include "config/read_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/read_config_test.h"

namespace rocket {
namespace {

constexpr std::string_view full_example = R"(
listen: 127.0.0.1:8000
admin: unix:/run/rocket/admin.sock
threads: 2
backends:
  - name: ollama
    kind: ollama
    urls: ["http://127.0.0.1:11434/v1/"]
    default_model: llama3
  - {name: lm-studio, kind: lm-studio, urls: ["http://127.0.0.1:1234"]}
  - name: vllm
    kind: vllm
    urls: ["http://127.0.0.1:8001", "http://[::1]:8002"]
    default_model: qwen2.5
    api_key_env: VLLM_API_KEY
  - {name: other, kind: openai, urls: ["https://127.0.0.1:8443/base"], ca_file: ca.pem,
     api_key_file: key.txt, health_path: /health}
order: [vllm, ollama]
models:
  fast:
    - {backend: vllm, model: qwen2.5, weight: 90}
    - {backend: ollama, weight: 10}
  steady:
    candidates: [{backend: other, model: m}, {backend: ollama}]
    substitute: true
timeouts: {connect: 250ms, first_token: 1.5s, load: 1h}
health: {jitter: 0}
limits: {body_bytes: 1MiB, header_bytes: 4096}
heartbeat: 0s
cors: {origins: ["https://chat.example", "http://localhost:3000", "*"]}
mark_backend: false
)";

TEST(ReadConfig, ReadsAFullExample) {
  const ConfigReading reading = read_config(full_example, test_environment());
  for (const Problem& problem : reading.problems)
    ADD_FAILURE() << format_problem(problem);
  const Config& config = reading.config;
  EXPECT_EQ(config.listen, (ListenAddress{"127.0.0.1", 8000, ""}));
  EXPECT_EQ(config.admin, (ListenAddress{"", 0, "/run/rocket/admin.sock"}));
  EXPECT_EQ(config.threads, 2U);
  ASSERT_EQ(config.backends.size(), 4U);
  EXPECT_EQ(config.backends[0].urls, (std::vector{EndpointUrl{false, "127.0.0.1", 11434, ""}}));
  EXPECT_EQ(config.backends[1].kind, BackendKind::lmstudio);
  EXPECT_EQ(config.backends[2].urls[1], (EndpointUrl{false, "::1", 8002, ""}));
  EXPECT_EQ(config.backends[2].api_key_env, "VLLM_API_KEY");
  EXPECT_EQ(config.backends[3].urls[0], (EndpointUrl{true, "127.0.0.1", 8443, "/base"}));
  EXPECT_EQ(config.order, (std::vector<std::string>{"vllm", "ollama"}));
  ASSERT_EQ(config.models.size(), 2U);
  EXPECT_EQ(config.models.at("fast").candidates[0].weight, 90);
  EXPECT_FALSE(config.models.at("fast").substitute);
  EXPECT_EQ(config.models.at("steady").candidates[1].backend, "ollama");
  EXPECT_TRUE(config.models.at("steady").substitute);
  EXPECT_EQ(config.timeouts.connect, 250ms);
  EXPECT_EQ(config.timeouts.first_token, 1500ms);
  EXPECT_EQ(config.timeouts.queue, TimeoutsConfig{}.queue);
  EXPECT_EQ(config.limits.body_bytes, 1_MiB);
  EXPECT_EQ(config.limits.header_bytes, ByteSize{4096});
  EXPECT_EQ(config.heartbeat, 0s);
  EXPECT_FALSE(config.mark_backend);
}

TEST(ReadConfig, ReadsJson) {
  const ConfigReading reading = read_config(
      R"({"backends": [{"name": "a", "urls": ["http://h:1"], "default_model": "null"}],
          "timeouts": {"total": "5m"}, "limits": {"headers": 7}, "mark_backend": false,
          "models": {"m": [{"backend": "a", "weight": 0.5}]}})",
      test_environment());
  EXPECT_TRUE(reading.ok());
  EXPECT_EQ(reading.config.backends[0].default_model, "null");
  EXPECT_EQ(reading.config.timeouts.total, 5min);
  EXPECT_EQ(reading.config.limits.headers, 7U);
}

TEST(ReadConfig, FillsInTheDefaultOrder) {
  constexpr std::string_view backends = R"(
backends:
  - {name: x, urls: ["http://h:1"]}
  - {name: o, kind: ollama, urls: ["http://h:1"]}
  - {name: v, kind: vllm, urls: ["http://h:1"]}
)";
  EXPECT_EQ(read_config(backends, test_environment()).config.order,
            (std::vector<std::string>{"v", "o", "x"}));
  EXPECT_EQ(read_config(fmt::format("{}order: [x]\n", backends), test_environment()).config.order,
            (std::vector<std::string>{"x"}));
}

TEST(ReadConfig, TellsAllProblemsAtOnce) {
  EXPECT_EQ(problems_of(R"(
listen: [8000]
thread: 4
threads: 0
backends:
  - {kind: olama, urls: ["http://u:p@h", 7]}
  - 5
  - {name: b b, urls: []}
order: [c]
timeouts: {connect: soon, conect: 1s}
)"),
            (std::vector<std::string>{
                "listen: expected an address such as 127.0.0.1:8000, found a list; write IP:PORT, "
                "[IPv6]:PORT or unix:PATH",
                "backends[0].kind: expected a kind of backend, found \"olama\"; write ollama, "
                "vllm, lmstudio, anthropic or openai",
                "backends[0].urls[0]: holds a user name or password; write scheme, host, port and "
                "at most a base path, such as https://models.example/base",
                "backends[0].urls[1]: begins with neither http:// nor https://; write scheme, "
                "host, port and at most a base path, such as https://models.example/base",
                "backends[1]: expected keys and values, found \"5\"; write them as {key: value}",
                "timeouts.connect: expected a duration such as 250ms, found \"soon\"; write a "
                "number and its unit: ms, s, m or h, at most 10000h",
                "timeouts.conect: unknown key; did you mean \"connect\"?",
                "thread: unknown key; did you mean \"threads\"?",
                "backends[0].name: missing; give the backend a name",
                "backends[2].name: \"b b\" is not a name; take 1 to 64 letters, digits, dots, "
                "underscores and hyphens",
                "backends[2].urls: missing; give the URL of at least one endpoint",
                "order[0]: no backend is called \"c\"; remove it",
                "threads: 0 is out of range; give 1 to 256",
            }));
}

TEST(ReadConfig, NeedsBackends) {
  const std::vector<std::string> missing = {
      "backends: missing; name at least one, such as {name: ollama, kind: ollama, urls: "
      "[\"http://127.0.0.1:11434\"]}"};
  const ProblemCase cases[] = {
      {"", missing},
      {"{}", missing},
      {"backends: []", missing},
      {"backends:", {"backends: expected a list, found nothing; write it as [A, B]"}},
      {"backends: {name: a}",
       {"backends: expected a list, found keys and values; write it as [A, B]"}},
      {"- a", {"expected keys and values, found a list; write them as {key: value}"}},
  };
  expect_problems(cases);
}

TEST(ReadConfig, ReadsFiles) {
  Environment environment = test_environment();
  environment.file = [](const std::string& path) -> Result<std::string> {
    if (path == "rocket.yaml") return R"(backends: [{name: a, urls: ["http://h:1"]}])";
    return fail(ErrorCode::invalid_field, "can not be read: No such file or directory");
  };
  EXPECT_TRUE(read_config_file("rocket.yaml", environment).ok());
  const std::vector<Problem> problems = read_config_file("none.yaml", environment).problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(format_problem(problems[0]),
            "\"none.yaml\" can not be read: No such file or directory; name a configuration file "
            "that Rocket may read");
}

TEST(ReadConfig, FindsFilesBesideTheConfiguration) {
  constexpr std::string_view yaml = R"(
backends: [{name: a, urls: ["https://h"], api_key_file: key.txt, ca_file: /etc/ca.pem}]
keys_file: ../keys.yaml
tls: {cert_file: c.pem, key_file: sub/k.pem}
)";
  const Config beside = read_config(yaml, test_environment(), "/etc/rocket/").config;
  EXPECT_EQ(beside.backends[0].api_key_file, "/etc/rocket/key.txt");
  EXPECT_EQ(beside.backends[0].ca_file, "/etc/ca.pem");
  EXPECT_EQ(beside.keys_file.path, "/etc/rocket/../keys.yaml");
  EXPECT_EQ(beside.tls, (TlsConfig{"/etc/rocket/c.pem", "/etc/rocket/sub/k.pem"}));
  EXPECT_EQ(read_config(yaml, test_environment()).config.backends[0].api_key_file, "key.txt");
}

TEST(ReadConfig, KnowsWhatTlsNeeds) {
  const ProblemCase cases[] = {
      {"tls: {}", {}},
      {"tls: {cert_file: ca.pem}", {"tls.key_file: missing; TLS needs both files"}},
      {"tls: {key_file: key.txt}", {"tls.cert_file: missing; TLS needs both files"}},
      {"tls: {cert_file: none.pem, key_file: key.txt}",
       {"tls.cert_file: \"none.pem\" can not be read: No such file or directory; name a PEM file "
        "that Rocket may read"}},
      {"tls: {cert_file: ca.pem, key_file: key.txt}",
       {"tls.cert_file: \"ca.pem\" holds no PEM certificate; name a PEM file that Rocket may "
        "read"}},
  };
  expect_problems_besides_backend(cases);
}

}  // namespace
}  // namespace rocket
