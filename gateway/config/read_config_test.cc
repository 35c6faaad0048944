#include "config/read_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocket {
namespace {

constexpr std::string_view certificate =
    "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n";

// One variable, one key file, one certificate; nothing of the machine.
Environment test_environment() {
  Environment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "VLLM_API_KEY") return "sk-variable";
    if (name == "BROKEN_KEY") return "sk-broken\nX-Admin: 1";
    return std::nullopt;
  };
  environment.file = [](const std::string& path) -> Result<std::string> {
    if (path == "ca.pem") return std::string(certificate);
    if (path == "key.txt") return "sk-file\n";
    return fail(ErrorCode::invalid_field, "can not be read: No such file or directory");
  };
  return environment;
}

std::vector<std::string> problems_of(std::string_view yaml) {
  std::vector<std::string> lines;
  for (const Problem& problem : read_config(yaml, test_environment()).problems) {
    lines.push_back(format_problem(problem));
  }
  return lines;
}

struct Case {
  std::string_view yaml;
  std::vector<std::string> problems;
};

void expect_problems(std::span<const Case> cases) {
  for (const Case& c : cases)
    EXPECT_EQ(problems_of(c.yaml), c.problems) << c.yaml;
}

// Cases that are about everything but backends come behind a good one.
void expect_problems_besides(std::string_view good, std::span<const Case> cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(problems_of(fmt::format("{}\n{}", good, c.yaml)), c.problems) << c.yaml;
  }
}

constexpr std::string_view one_backend =
    R"(backends: [{name: vllm, kind: vllm, urls: ["http://127.0.0.1:8001"]}])";

// Within "backends: [{name: a, urls: [...], HERE}]".
std::string backend_with(std::string_view more) {
  return fmt::format(R"(backends: [{{name: a, urls: ["https://a.example"], {}}}])", more);
}

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
                "vllm, lmstudio or openai",
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
                "order[0]: no backend is called \"c\"; known here: b b",
                "threads: 0 is out of range; give 1 to 256",
            }));
}

TEST(ReadConfig, NeedsBackends) {
  const std::vector<std::string> missing = {
      "backends: missing; name at least one, such as {name: ollama, kind: ollama, urls: "
      "[\"http://127.0.0.1:11434\"]}"};
  const Case cases[] = {
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

TEST(ReadConfig, KnowsTheTypes) {
  const Case cases[] = {
      {"threads: \"4\"",
       {"threads: expected a whole number, found the text \"4\"; write it in digits, without "
        "quotes"}},
      {"threads: 4.5",
       {"threads: expected a whole number, found \"4.5\"; write it in digits, without quotes"}},
      {"threads: -1",
       {"threads: expected a whole number, found \"-1\"; write it in digits, without quotes"}},
      {"threads: 010",
       {"threads: expected a whole number, found \"010\"; write it in digits, without quotes"}},
      {"threads: 4294967297",
       {"threads: expected a whole number, found \"4294967297\"; write it in digits, without "
        "quotes"}},
      {"threads:",
       {"threads: expected a whole number, found nothing; write it in digits, without quotes"}},
      {"mark_backend: yes",
       {"mark_backend: expected true or false, found \"yes\"; write true or false, without "
        "quotes"}},
      {"mark_backend: \"true\"",
       {"mark_backend: expected true or false, found the text \"true\"; write true or false, "
        "without quotes"}},
      {"health: {jitter: nan}",
       {"health.jitter: expected a number, found \"nan\"; write a number such as 0.5, without "
        "quotes"}},
      {"health: {jitter: {a: b}}",
       {"health.jitter: expected a number, found keys and values; write a number such as 0.5, "
        "without quotes"}},
      {"timeouts: {connect: []}",
       {"timeouts.connect: expected a duration such as 250ms, found a list; write a number and "
        "its unit: ms, s, m or h, at most 10000h"}},
      {"timeouts: 5s",
       {"timeouts: expected keys and values, found \"5s\"; write them as {key: value}"}},
      {"limits: {body_bytes: 5MB}",
       {"limits.body_bytes: expected a size such as 64KiB, found \"5MB\"; write a number of "
        "bytes, or a number and its unit: KiB, MiB or GiB"}},
      {"listen: 127.0.0.1:70000",
       {"listen: has a port that is not a number up to 65535; write IP:PORT, [IPv6]:PORT or "
        "unix:PATH"}},
      {"order: vllm", {"order: expected a list, found \"vllm\"; write it as [A, B]"}},
      {"order: [[vllm]]", {"order[0]: expected text, found a list; write one line of text"}},
      {"order: [\"a\\nb\"]",
       {"order[0]: has a line break or another control character; write one line of text"}},
      {"models: []",
       {"models: expected routes by name, found a list; write them as {NAME: [{backend: NAME}]}"}},
      {"models: {m: vllm}",
       {"models.m: expected keys and values, found \"vllm\"; write them as {key: value}"}},
      {"models: {\"a\\nb\": []}",
       {"models[\"a?b\"]: a control character in a route's name; remove it"}},
  };
  expect_problems_besides(one_backend, cases);
}

TEST(ReadConfig, KnowsTheKeys) {
  const Case cases[] = {
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
       {"[\"odd.key\"]: unknown key; known here: listen, admin, threads, backends, order, models, "
        "timeouts, health, retry, limits, heartbeat, drain, cors, mark_backend, "
        "allow_unauthenticated"}},
      {"threads: 1\nthreads: 2\nthreads: 3", {"threads: given more than once; keep one of them"}},
      {"thread: 1\nthread: 2",
       {"thread: given more than once; keep one of them",
        "thread: unknown key; did you mean \"threads\"?"}},
      {"health: {rise: 1, rise: 1}", {"health.rise: given more than once; keep one of them"}},
      {"models: {m: [{backend: vllm, model: x}], m: [{backend: vllm, model: x}]}",
       {"models.m: given more than once; keep one of them"}},
      {"breaker: {consecutive: 5}", {"breaker: not available in this version; remove it"}},
      {"outlier: {}", {"outlier: not available in this version; remove it"}},
      {"hedge: {on: true}", {"hedge: not available in this version; remove it"}},
      {"lanes: {}", {"lanes: not available in this version; remove it"}},
      {"embedding_batching: {}", {"embedding_batching: not available in this version; remove it"}},
      {"keys_file: k", {"keys_file: not available in this version; remove it"}},
      {"tls: {key_file: k}", {"tls: not available in this version; remove it"}},
      {"media_urls: auto", {"media_urls: not available in this version; remove it"}},
      {"metrics_listen: x", {"metrics_listen: not available in this version; remove it"}},
      {"store: {path: x}", {"store: not available in this version; remove it"}},
      {"otlp: {url: x}", {"otlp: not available in this version; remove it"}},
      {"retry: {budget: 1, budget_min: 1, backoff: 1s, backoff_max: 1s, retry_after_max: 1s}",
       {"retry.budget: not available in this version; remove it",
        "retry.budget_min: not available in this version; remove it",
        "retry.backoff: not available in this version; remove it",
        "retry.backoff_max: not available in this version; remove it",
        "retry.retry_after_max: not available in this version; remove it"}},
      {"limits: {in_flight_per_endpoint: 64}",
       {"limits.in_flight_per_endpoint: not available in this version; remove it"}},
      {"stor3: 1",
       {"stor3: unknown key; known here: listen, admin, threads, backends, order, models, "
        "timeouts, health, retry, limits, heartbeat, drain, cors, mark_backend, "
        "allow_unauthenticated"}},
  };
  expect_problems_besides(one_backend, cases);
}

TEST(ReadConfig, RefusesInlineSecretsWithoutShowingThem) {
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
      {"media_urls: {token: sk-s3cret}", "backends[0].media_urls.token"},
      {"auth: {x: [{Authorization: sk-s3cret}]}", "backends[0].auth.x[0].Authorization"},
  };
  for (const Inline& c : cases) {
    const std::vector<std::string> problems = problems_of(backend_with(c.yaml));
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
    const std::vector<std::string> problems = problems_of(backend_with(yaml));
    EXPECT_FALSE(problems.empty()) << yaml;
    for (const std::string& problem : problems) {
      EXPECT_EQ(problem.find("s3cret"), std::string::npos) << problem;
    }
  }
}

TEST(ReadConfig, ChecksCredentials) {
  const auto problems = [](std::string_view more) { return problems_of(backend_with(more)); };
  using Lines = std::vector<std::string>;
  EXPECT_EQ(problems("api_key_env: VLLM_API_KEY"), Lines{});
  EXPECT_EQ(problems("api_key_file: key.txt"), Lines{});
  EXPECT_EQ(problems("api_key_env: UNSET"),
            (Lines{"backends[0].api_key_env: the environment variable is not set; set the variable "
                   "that it names to the key, or remove api_key_env"}));
  EXPECT_EQ(problems("api_key_env: BROKEN_KEY"),
            (Lines{"backends[0].api_key_env: the key holds a space, a line break or a character "
                   "that is not ASCII; set the variable that it names to the key, or remove "
                   "api_key_env"}));
  EXPECT_EQ(problems("api_key_file: none.txt"),
            (Lines{"backends[0].api_key_file: the file can not be read: No such file or "
                   "directory; let the file hold the key and nothing else, or remove "
                   "api_key_file"}));
  EXPECT_EQ(problems("api_key_env: VLLM_API_KEY, api_key_file: key.txt"),
            (Lines{"backends[0].api_key_file: given besides api_key_env; remove one of the two"}));
  EXPECT_EQ(problems("ca_file: ca.pem"), Lines{});
  EXPECT_EQ(problems("ca_file: none.pem"),
            (Lines{"backends[0].ca_file: \"none.pem\" can not be read: No such file or directory; "
                   "name a PEM file that Rocket may read"}));
  EXPECT_EQ(problems("ca_file: key.txt"),
            (Lines{"backends[0].ca_file: \"key.txt\" holds no PEM certificate; name a PEM file "
                   "that Rocket may read"}));
}

TEST(ReadConfig, ChecksBackends) {
  const Case cases[] = {
      {R"(backends: [{name: a, urls: ["http://h:1"]}, {name: a, urls: ["http://h:1"]}])",
       {"backends[1].name: \"a\" is already the name of backends[0]; give each backend a name of "
        "its own"}},
      {R"(backends: [{name: a, urls: ["http://h:80", "http://g", "http://H/v1/"]}])",
       {"backends[0].urls[2]: is the same as backends[0].urls[0]; name each endpoint once"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], ca_file: ca.pem}])",
       {"backends[0].ca_file: no URL of this backend is https://; use https://, or remove "
        "ca_file"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], api_key_file: key.txt}])",
       {"backends[0].urls[0]: http:// would send the API key readable over the network; use "
        "https://, or take the key away"}},
      {R"(backends: [{name: a, urls: ["http://localhost:1"], api_key_file: key.txt}])", {}},
      {R"(backends: [{name: a, kind: anthropic, urls: ["http://h:1"]}])",
       {"backends[0].kind: \"anthropic\" is not available in this version; write ollama, vllm, "
        "lmstudio or openai"}},
      {R"(backends: [{name: a, urls: ["http://h:1"], health_path: health}])",
       {"backends[0].health_path: \"health\" is not a path; write it as /health"}},
      {R"(backends: [{name: a, kind: vllm, urls: ["http://h:1"], health_path: /health}])",
       {"backends[0].health_path: only kind openai has it; remove it"}},
      {R"(backends: [{name: [], urls: x}])",
       {"backends[0].name: expected text, found a list; write one line of text",
        "backends[0].urls: expected a list, found \"x\"; write it as [A, B]"}},
  };
  expect_problems(cases);
}

TEST(ReadConfig, DoesNotCallItself) {
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

TEST(ReadConfig, ChecksAddresses) {
  const std::string same = "admin: is the address of listen; give it a port of its own";
  const std::string open =
      "listen: without keys other addresses than loopback are refused; listen on 127.0.0.1 or set "
      "allow_unauthenticated: true";
  const std::string admin =
      "admin: the admin API listens on loopback only; write 127.0.0.1:PORT, [::1]:PORT or "
      "unix:PATH";
  const Case cases[] = {
      {"listen: 0.0.0.0:8000", {open}},
      {"listen: \"[::]:8000\"", {open}},
      {"listen: 0.0.0.0:8000\nallow_unauthenticated: true", {}},
      {"admin: 0.0.0.0:8090", {admin}},
      {"admin: 0.0.0.0:8090\nallow_unauthenticated: true", {admin}},
      {"admin: unix:/run/rocket.sock", {}},
      {"admin: 127.0.0.1:8000", {same}},
      {"admin: \"[::1]:8000\"", {}},
      {"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0", {}},
      {"listen: 0.0.0.0:8090\nallow_unauthenticated: true", {same}},
      {"listen: unix:/s\nadmin: unix:/s", {same}},
      {"listen: unix:/s\nadmin: unix:/t", {}},
      {"listen: rocket.example:8000",
       {"listen: has a name where an IP address is needed; write IP:PORT, [IPv6]:PORT or "
        "unix:PATH"}},
  };
  expect_problems_besides(one_backend, cases);
}

TEST(ReadConfig, ChecksOrderAndRoutes) {
  const Case cases[] = {
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
        "weight; give every candidate a weight, or none"}},
      {"models: {m: [{backend: vllm, model: x, weight: -1}]}",
       {"models.m.candidates[0].weight: -1 is out of range; give 0 to 1000000"}},
      {"models: {m: [{backend: vllm, model: x, weight: 0}, {backend: vllm, model: y}]}", {}},
      {"models: {m: [7, {backend: vllm, model: x, weight: 9}]}",
       {"models.m.candidates[0]: expected keys and values, found \"7\"; write them as {key: "
        "value}"}},
  };
  expect_problems_besides(one_backend, cases);
}

TEST(ReadConfig, ChecksNumbers) {
  const std::string more = "; give more, or remove it for the default";
  const Case cases[] = {
      {"threads: 256", {}},
      {"threads: 257", {"threads: 257 is out of range; give 1 to 256"}},
      {"health: {jitter: 1}", {}},
      {"health: {jitter: 1.01}", {"health.jitter: 1.01 is out of range; give 0 to 1"}},
      {"health: {jitter: -0.1}", {"health.jitter: -0.1 is out of range; give 0 to 1"}},
      {"health: {rise: 0, fall: 0}",
       {"health.rise: 0 is out of range; give 1 to 1000",
        "health.fall: 0 is out of range; give 1 to 1000"}},
      {"retry: {attempts: 0}", {"retry.attempts: 0 is out of range; give 1 to 100"}},
      {"timeouts: {connect: 0s, queue: 0s, total: 0ms}",
       {"timeouts.connect: 0s leaves no time at all" + more,
        "timeouts.total: 0s leaves no time at all" + more}},
      {"health: {interval: 0s}", {"health.interval: 0s leaves no time at all" + more}},
      {"heartbeat: 0s\ndrain: {lame_duck: 0s, timeout: 0s}", {}},
      {"limits: {headers: 0, event_bytes: 0, idle_per_endpoint: 0}",
       {"limits.headers: 0 lets nothing through" + more,
        "limits.event_bytes: 0 lets nothing through" + more}},
      {"limits: {body_bytes: 2GiB}",
       {"limits.bodies_in_flight_bytes: is less than body_bytes, so that a body of that size could "
        "never be held; raise it, or lower body_bytes"}},
      {"cors: {origins: [chat.example, \"https://chat.example/\", \"https://Chat.example\"]}",
       {"cors.origins[0]: \"chat.example\" is no origin that a browser sends; write it as "
        "https://chat.example, without a path, or as \"*\"",
        "cors.origins[1]: \"https://chat.example/\" is no origin that a browser sends; write it as "
        "https://chat.example, without a path, or as \"*\"",
        "cors.origins[2]: \"https://Chat.example\" is no origin that a browser sends; write it as "
        "https://chat.example, without a path, or as \"*\""}},
  };
  expect_problems_besides(one_backend, cases);
}

TEST(ReadConfig, ReadsFiles) {
  Environment environment = test_environment();
  environment.file = [](const std::string& path) -> Result<std::string> {
    if (path == "rocket.yaml") return std::string(one_backend);
    return fail(ErrorCode::invalid_field, "can not be read: No such file or directory");
  };
  EXPECT_TRUE(read_config_file("rocket.yaml", environment).ok());
  const std::vector<Problem> problems = read_config_file("none.yaml", environment).problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(format_problem(problems[0]),
            "\"none.yaml\" can not be read: No such file or directory; name a configuration file "
            "that Rocket may read");
}

TEST(ReadFile, ReadsWholeFilesUpToItsLimit) {
  const std::string path = testing::TempDir() + "rocket_read_file_test";
  const auto write = [&](size_t bytes) {
    std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
  };
  constexpr size_t limit = size_t{4} * 1024 * 1024;
  write(limit);
  EXPECT_EQ(read_file(path), std::string(limit, 'x'));
  write(limit + 1);
  EXPECT_EQ(read_file(path).error().detail, "is larger than 4 MiB");
  write(0);
  EXPECT_EQ(read_file(path), "");
  std::remove(path.c_str());
  EXPECT_EQ(read_file(path).error().detail, "can not be read: No such file or directory");
  EXPECT_EQ(read_file(testing::TempDir()).error().detail, "can not be read: Is a directory");
}

}  // namespace
}  // namespace rocket
