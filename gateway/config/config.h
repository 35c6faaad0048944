#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/backend_kind.h"
#include "base/clock.h"
#include "base/media_urls.h"
#include "base/native_api.h"
#include "config/config_values.h"
#include "config/kept_config.h"
#include "config/key_config.h"

// The configuration as the rest of Rocket sees it: checked, complete, immutable.
//
// Each struct names its fields once, in fields(): the reader, the checker, the suggestions for
// misspelt keys and docs/configuration.md all follow from that list. To add a setting, add a
// member with its default and a line in fields().
namespace rocket {

struct BackendConfig {
  std::string name;
  BackendKind kind = BackendKind::openai;
  std::vector<EndpointUrl> urls;
  std::string default_model;
  std::string api_key_env;  // a secret comes by reference only
  std::string api_key_file;
  std::string ca_file;
  std::string health_path;  // openai only; empty: what the kind says
  std::optional<std::uint32_t> in_flight;
  std::vector<NativeApi> native;
  std::optional<MediaUrls> media_urls;
  std::string head_lines;  // no setting: what `rocket batch run` says to a gateway

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("name", self.name, "How requests, routes, logs and metrics call this backend. Required.");
    visit("kind", self.kind,
          "What speaks there: `ollama`, `vllm`, `lmstudio` (also `lm-studio`), `anthropic`, or "
          "`openai` for anything OpenAI-compatible.");
    visit("urls", self.urls,
          "One URL per endpoint (replica), `http` or `https`, without `/v1`. Required.");
    visit("default_model", self.default_model,
          "The model for requests that name none, and for routes with `substitute`.");
    visit("api_key_env", self.api_key_env,
          "The environment variable that holds this backend's API key.");
    visit("api_key_file", self.api_key_file, "A file that holds this backend's API key.");
    visit("ca_file", self.ca_file,
          "With `https`: trust the certificates in this PEM file instead of the system's.");
    visit("health_path", self.health_path,
          "Kind `openai` only: the path that tells whether an endpoint is alive; empty: what the "
          "kind has.");
    visit("in_flight", self.in_flight,
          "Attempts at once at all its endpoints together; more requests wait. Default: as many as "
          "its endpoints take.");
    visit("native", self.native,
          "Which of `responses`, `messages` and `count_tokens` it answers itself, beside what its "
          "kind speaks anyway: clients of these pass byte for byte instead of being translated.");
    visit("media_urls", self.media_urls,
          "As at the top level, for this backend. Default: what stands there.");
  }
};

// One way to answer a route: a backend, the model to ask it for, and a share of the first picks.
struct CandidateConfig {
  std::string backend;
  std::string model;             // empty: the backend's default_model
  std::optional<double> weight;  // none: by order

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("backend", self.backend, "The name of a backend. Required.");
    visit("model", self.model, "The model's name at that backend; empty: its `default_model`.");
    visit("weight", self.weight,
          "The share of first picks; 0: asked when the others can not answer. Default: by order.");
  }
};

struct RouteConfig {
  std::vector<CandidateConfig> candidates;
  bool substitute = false;
  std::optional<std::uint32_t> in_flight;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("candidates", self.candidates, "Who may answer, first choice first.");
    visit("substitute", self.substitute,
          "When no candidate is healthy, let a backend answer with its `default_model`; the "
          "reply's `model` says what answered.");
    visit("in_flight", self.in_flight,
          "Requests for this name at once; more wait. Default: as many as the candidates take.");
  }
};

struct TimeoutsConfig {
  Duration connect = 2s;
  Duration queue = 30s;
  Duration load = 5min;
  Duration first_token = 60s;
  Duration idle = 30s;
  Duration total = 10min;
  Duration media = 10s;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("connect", self.connect, "To open a connection to an endpoint.");
    visit("queue", self.queue,
          "To wait for a place at an endpoint: 503 beyond, or at once when the wait would be "
          "longer; 0s: nobody waits.");
    visit("load", self.load,
          "Instead of `first_token` where the endpoint is known to have to load the model first.");
    visit("first_token", self.first_token, "From sending a streamed request to its first token.");
    visit("idle", self.idle, "Between two events of a stream.");
    visit("total", self.total, "For the whole exchange, all attempts together.");
    visit("media", self.media,
          "To fetch the files that a request names by their URL, all together: 400 beyond.");
  }
};

struct HealthConfig {
  Duration interval = 2s;
  double jitter = 0.2;
  Duration timeout = 1s;
  std::uint32_t rise = 1;
  std::uint32_t fall = 3;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("interval", self.interval, "Between two probes of an endpoint.");
    visit("jitter", self.jitter,
          "How much an interval varies at random, as a share of it, 0 to 1.");
    visit("timeout", self.timeout, "After which a probe has failed.");
    visit("rise", self.rise, "Good probes in a row that make an endpoint healthy.");
    visit("fall", self.fall, "Failed probes in a row that make it unhealthy.");
  }
};

struct BreakerConfig {
  std::uint32_t consecutive = 5;
  double error_rate = 0.5;
  std::uint32_t min_requests = 20;
  Duration open = 5s;
  Duration open_max = 60s;
  std::uint32_t trials = 1;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("consecutive", self.consecutive,
          "Failures in a row that open an endpoint's breaker. Requests that it leaves unanswered "
          "while it answers nobody else count as failures.");
    visit("error_rate", self.error_rate,
          "The share of failures among an endpoint's last requests that opens it, 0 to 1.");
    visit("min_requests", self.min_requests, "So many requests make a share.");
    visit("open", self.open,
          "How long an open endpoint is left alone before it is tried again; doubled each time it "
          "fails again.");
    visit("open_max", self.open_max, "The longest time it is left alone.");
    visit("trials", self.trials, "Requests sent at a time to find out whether it is back.");
  }
};

struct OutlierConfig {
  double max_ejected = 0.5;
  double panic = 0.5;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("max_ejected", self.max_ejected,
          "The largest share of a backend's endpoints, 0 to 1, that may be left alone at a time "
          "because their requests fail more often, or take several times as long, as those of the "
          "others and as their own used to. Those that are out for another reason count.");
    visit("panic", self.panic,
          "When more than this share of a backend's endpoints looks bad, those that only look so "
          "(failing probes, outliers) are used again, rather than have the rest carry everything.");
  }
};

struct RetryConfig {
  std::uint32_t attempts = 3;
  double budget = 0.2;
  double budget_min = 3;
  Duration backoff = 25ms;
  Duration backoff_max = 250ms;
  Duration retry_after_max = 60s;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("attempts", self.attempts,
          "Attempts per exchange that may reach an upstream; one that was refused a connection "
          "costs none.");
    visit("budget", self.budget,
          "Second retries and hedges allowed for each client request, as a share of one.");
    visit("budget_min", self.budget_min, "Second retries and hedges allowed per second, besides.");
    visit("backoff", self.backoff,
          "The longest pause before the second retry; doubled for each further one.");
    visit("backoff_max", self.backoff_max, "The longest pause before any retry.");
    visit("retry_after_max", self.retry_after_max,
          "The longest time that an upstream's Retry-After keeps requests from it.");
  }
};

struct HedgeConfig {
  bool on = true;
  Duration min = 200ms;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("on", self.on,
          "Ask a second endpoint when the first takes longer than 95 of 100 requests of its sort "
          "did; the first answer wins and the other request is called off.");
    visit("min", self.min, "Never sooner than this.");
  }
};

struct LaneConfig {
  std::uint32_t weight = 1;
  std::uint32_t queue = 256;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("weight", self.weight,
          "Its share of the places that come free while requests of several lanes wait.");
    visit("queue", self.queue, "Requests that may wait for a place: 503 beyond.");
  }
};

struct LanesConfig {
  LaneConfig interactive{8, 256};
  LaneConfig normal{4, 256};
  LaneConfig batch{1, 1024};

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("interactive", self.interactive, "Somebody is waiting for the answer.");
    visit("normal", self.normal, "Everything else that is not batch work.");
    visit("batch", self.batch,
          "Work that fills what the others leave: it never takes the last eighth of an "
          "endpoint's places.");
  }
};

struct LimitsConfig {
  ByteSize header_bytes = 64_KiB;
  std::uint32_t headers = 100;
  ByteSize target_bytes = 8_KiB;
  ByteSize body_bytes = 100_MiB;
  ByteSize event_bytes = 1_MiB;
  ByteSize bodies_in_flight_bytes = 400_MiB;
  std::uint32_t connections = 10000;
  std::uint32_t in_flight_per_endpoint = 64;
  std::uint32_t idle_per_endpoint = 256;
  std::uint32_t choices = 8;
  std::uint32_t receipts = 1000;
  ByteSize media_bytes = 20_MiB;
  std::uint32_t media_urls = 16;
  std::uint32_t media_fetches = 16;
  Duration header_time = 10s;
  Duration body_time = 60s;
  Duration keep_alive = 75s;
  Duration write_time = 30s;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("header_bytes", self.header_bytes,
          "All header lines of one message together: 431 beyond (an upstream's: 502).");
    visit("headers", self.headers, "Header lines of one message: 431 beyond.");
    visit("target_bytes", self.target_bytes, "The request target: 414 beyond.");
    visit(
        "body_bytes", self.body_bytes,
        "A request's body: 413 beyond. An unstreamed answer: 502 beyond. Not of an uploaded file, "
        "which goes straight to the disk: `store.file_bytes` bounds it.");
    visit("event_bytes", self.event_bytes, "One event of a stream.");
    visit("bodies_in_flight_bytes", self.bodies_in_flight_bytes,
          "All bodies held at once, and large heads: 503 beyond. Uploaded files are not held.");
    visit("connections", self.connections,
          "Client connections held at once; further ones wait to be accepted.");
    visit("in_flight_per_endpoint", self.in_flight_per_endpoint,
          "Attempts at once at one endpoint; more requests wait in their lane's queue.");
    visit("idle_per_endpoint", self.idle_per_endpoint,
          "Idle connections kept to one endpoint, per thread.");
    visit(
        "choices", self.choices,
        "Choices (`n`) that a client may have of a backend which gives one at a time, so that each "
        "is asked for by itself: 400 beyond.");
    visit(
        "receipts", self.receipts,
        "Requests whose receipts are kept, per thread: those under way and the last ones that have "
        "ended. 1 KiB each; a reload that changes it forgets them.");
    visit("media_bytes", self.media_bytes,
          "Files that are fetched for one request, all together: 400 beyond.");
    visit("media_urls", self.media_urls, "URLs of one request that are fetched: 400 beyond.");
    visit("media_fetches", self.media_fetches,
          "Files that are being fetched at once, per thread; further ones wait their turn.");
    visit("header_time", self.header_time, "For a request's head to arrive: 408 beyond.");
    visit("body_time", self.body_time,
          "For a request's body to arrive: 408 beyond. For each MiB of an uploaded file.");
    visit("keep_alive", self.keep_alive, "How long a client's idle connection is kept.");
    visit("write_time", self.write_time,
          "For a client to take some of what it is sent; then it is cut.");
  }
};

struct EmbeddingBatchingConfig {
  bool on = true;
  Duration wait = 2ms;
  std::uint32_t inputs = 64;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("on", self.on,
          "Embeddings requests that ask for the same model in the same way while calls for it are "
          "under way share one upstream call.");
    visit("wait", self.wait, "How long one waits for others, at most.");
    visit("inputs", self.inputs, "Texts of one call, at most.");
  }
};

struct DrainConfig {
  Duration lame_duck = 0s;
  Duration timeout = 30s;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("lame_duck", self.lame_duck,
          "How long to keep serving, not ready, before the drain begins.");
    visit("timeout", self.timeout, "For what is in flight to finish.");
  }
};

// Without both files the data port speaks plain HTTP.
struct TlsConfig {
  std::string cert_file;
  std::string key_file;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("cert_file", self.cert_file,
          "A PEM file with the certificate and those that lead to its issuer.");
    visit("key_file", self.key_file, "A PEM file with the certificate's private key, unencrypted.");
  }

  [[nodiscard]] bool on() const { return !cert_file.empty(); }
  [[nodiscard]] bool operator==(const TlsConfig&) const = default;
};

// Without a url nothing is traced, and what clients send of traces is passed on as it is.
struct OtlpConfig {
  static constexpr std::string_view usual_headers_env = "OTEL_EXPORTER_OTLP_HEADERS";

  std::string url;
  double ratio = 1;
  std::uint32_t queue = 500;
  std::string headers_env{usual_headers_env};
  std::string headers_file;
  std::string ca_file;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("url", self.url,
          "An OpenTelemetry collector, such as `http://127.0.0.1:4318`: spans are sent to its "
          "`/v1/traces` as OTLP/HTTP in JSON. Empty: none are.");
    visit("ratio", self.ratio,
          "The share of traces that begin here which are sent, 0 to 1. What comes with a "
          "`traceparent` is sent if that says so.");
    visit("queue", self.queue,
          "Requests whose spans wait to be sent, per thread: further ones are dropped and counted. "
          "1 KiB each, and what they carry along.");
    visit("headers_env", self.headers_env,
          "The environment variable with headers for the collector, values percent-encoded: "
          "`authorization=Bearer%20KEY,x-tenant=a`. The usual one need not be set.");
    visit("headers_file", self.headers_file,
          "A file that holds the same instead; a line may stand for a comma.");
    visit("ca_file", self.ca_file,
          "With `https`: trust the certificates in this PEM file instead of the system's.");
  }
  [[nodiscard]] bool on() const { return !url.empty(); }
};

struct MediaConfig {
  std::vector<std::string> allow;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("allow", self.allow,
          "Where files may be fetched from besides public addresses: ranges such as `10.1.0.0/16`, "
          "addresses, and names of hosts, whose addresses may then be any.");
  }
};

struct CorsConfig {
  std::vector<std::string> origins;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("origins", self.origins,
          "Origins of web pages that may call Rocket, such as `https://chat.example`, or `*`. "
          "Empty: none.");
  }
};

struct Config {
  ListenAddress listen{"127.0.0.1", 8000, ""};
  ListenAddress admin{"127.0.0.1", 8090, ""};
  std::optional<ListenAddress> metrics_listen;
  std::uint32_t threads = 1;
  std::vector<BackendConfig> backends;
  std::vector<std::string> order;
  std::map<std::string, RouteConfig> models;
  TimeoutsConfig timeouts;
  HealthConfig health;
  BreakerConfig breaker;
  OutlierConfig outlier;
  RetryConfig retry;
  HedgeConfig hedge;
  LanesConfig lanes;
  LimitsConfig limits;
  Duration heartbeat = 15s;
  EmbeddingBatchingConfig embedding_batching;
  ResponsesConfig responses;
  StoreConfig store;
  BatchConfig batch;
  DrainConfig drain;
  CorsConfig cors;
  bool mark_backend = true;
  MediaUrls media_urls = MediaUrls::automatic;
  MediaConfig media;
  KeysFile keys_file;
  bool allow_unauthenticated = false;
  TlsConfig tls;
  OtlpConfig otlp;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("listen", self.listen, "Where clients connect. Can not be reloaded.");
    visit("admin", self.admin,
          "Where metrics and the admin API listen: loopback or `unix:PATH`. Can not be reloaded.");
    visit("metrics_listen", self.metrics_listen,
          "Where `/metrics` alone is told to anybody: `0.0.0.0:9464`. Can not be reloaded.");
    visit("threads", self.threads,
          "Event loops, each with a listener, pools and counters of its own. Can not be reloaded.");
    visit("backends", self.backends, "The model servers. Required.");
    visit("order", self.order,
          "Names of backends in the order in which they are tried for a request that names none. "
          "Default: vllm, ollama, lm-studio, anthropic, then the rest as listed; a given order "
          "leaves out whom it does not name.");
    visit("models", self.models,
          "Routes: a name that clients may ask for, and the candidates that answer it. A list is "
          "short for `{candidates: LIST}`.");
    visit("timeouts", self.timeouts, "Each phase of a request has its own.");
    visit("health", self.health, "Active checks, never in a request's path.");
    visit("breaker", self.breaker, "When an endpoint that fails is left alone.");
    visit("outlier", self.outlier, "When an endpoint is left alone for being worse than others.");
    visit("retry", self.retry, "Before the first token only.");
    visit("hedge", self.hedge, "What is done about an endpoint that does not answer.");
    visit("lanes", self.lanes,
          "How urgent a request is. A key's `lane` says it; without keys chats and completions are "
          "interactive, embeddings normal. The header `x-rocket-lane` can only lower it.");
    visit("limits", self.limits, "Nothing is unbounded.");
    visit("heartbeat", self.heartbeat,
          "Silence in a stream after which the client is sent a sign of life; 0s: never.");
    visit("embedding_batching", self.embedding_batching, "Several requests, one upstream call.");
    visit("responses", self.responses, "What is kept of `/v1/responses`; a reload keeps it.");
    visit("store", self.store,
          "Where files and batches are kept (`/v1/files`, `/v1/batches`): a directory, or Postgres "
          "and a directory for what is in files. Made when it is first needed.");
    visit("batch", self.batch, "How the lines of batches are worked off.");
    visit("drain", self.drain, "What SIGTERM does.");
    visit("cors", self.cors, "Off by default.");
    visit("mark_backend", self.mark_backend, "Add `_backend` to unstreamed answers.");
    visit(
        "media_urls", self.media_urls,
        "Images and documents that a request names by their URL: `refuse`: such a request is not "
        "sent to the backend; `fetch`: Rocket gets them and sends them along; `pass`: the backend "
        "gets them itself, from inside its own network; `auto`: pass to clouds (kind `anthropic`, "
        "and `openai` by `https://` outside of the local network), refuse for local servers. "
        "`data:` URLs always pass.");
    visit("media", self.media, "How `media_urls: fetch` gets files.");
    visit("keys_file", self.keys_file,
          "The API keys that clients need (`rocket key new` adds one); taken up again when it "
          "changes. Default: clients need none.");
    visit("allow_unauthenticated", self.allow_unauthenticated,
          "Without a `keys_file`: let anyone who reaches a non-loopback `listen` use the "
          "backends.");
    visit("tls", self.tls,
          "HTTPS instead of HTTP on `listen`: TLS 1.2 and 1.3; taken up again when the files "
          "change.");
    visit("otlp", self.otlp, "Traces. Off by default.");
  }
};

// The names of the backends in the order for a file that gives none: vllm, ollama, lm-studio, then
// the other kinds; within a kind as listed.
[[nodiscard]] std::vector<std::string> default_order(const Config& config);

}  // namespace rocket
