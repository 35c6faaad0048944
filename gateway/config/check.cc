#include "config/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "config/certificate.h"
#include "config/check_backends.h"
#include "config/settings.h"
#include "config/trace_headers.h"
#include "config/units.h"
#include "config/url.h"
#include "policy/address_guard.h"

namespace rocket {

namespace {

// What 0 means something for; everywhere else it would stop Rocket from working.
constexpr std::array<std::string_view, 16> may_be_zero{
    "timeouts.queue",
    "health.jitter",
    "limits.idle_per_endpoint",
    "embedding_batching.wait",
    "heartbeat",
    "hedge.min",
    "drain.lame_duck",
    "drain.timeout",
    "retry.backoff",
    "retry.backoff_max",
    "lanes.batch.queue",
    "lanes.normal.queue",
    "lanes.interactive.queue",
    "store.expiry",
    "store.batch_expiry",
    "batch.commit",
};

struct Range {
  std::string_view path;
  double least;
  double most;
};
constexpr std::array<Range, 30> ranges{{
    {"threads", 1, 256},
    {"health.jitter", 0, 1},
    {"health.rise", 1, 1000},
    {"health.fall", 1, 1000},
    {"breaker.consecutive", 1, 1000},
    {"breaker.error_rate", 0.01, 1},
    {"breaker.min_requests", 1, 1'000'000},
    {"breaker.trials", 1, 100},
    {"outlier.max_ejected", 0, 1},
    {"outlier.panic", 0, 1},
    {"retry.attempts", 1, 100},
    {"retry.budget", 0, 10},
    {"retry.budget_min", 0, 1000},
    {"embedding_batching.inputs", 2, 2048},
    {"lanes.interactive.weight", 1, 1000},
    {"lanes.normal.weight", 1, 1000},
    {"lanes.batch.weight", 1, 1000},
    {"limits.headers", 1, 1'000'000},
    {"limits.choices", 1, 128},
    {"limits.receipts", 1, 100'000},
    {"limits.media_urls", 1, 1000},
    {"limits.media_fetches", 1, 10'000},
    {"responses.turns", 1, 10'000},
    {"batch.lines_in_flight", 1, 10'000},
    {"batch.batches", 1, 1000},
    {"batch.unfinished", 1, 1'000'000},
    {"batch.lines", 1, 1'000'000},
    {"batch.attempts", 1, 1000},
    {"otlp.ratio", 0, 1},
    {"otlp.queue", 1, 100'000},
}};

// Sizes of what has places of 32 bits in it, and how large they may be.
constexpr std::array<std::string_view, 3> with_places{"limits.header_bytes", "limits.target_bytes",
                                                      "batch.line_bytes"};
constexpr ByteSize placed_max{std::uint64_t{1} << 30U};

// Every number of the settings, by its path, against the tables above.
class NumberCheck {
 public:
  explicit NumberCheck(Problems& problems) : problems_(problems) {}

  template <Settings T>
  void check(const std::string& path, const T& settings) {
    T::fields(settings, [&](std::string_view key, const auto& member, std::string_view) {
      check(member_path(path, key), member);
    });
  }
  void check(const std::string& path, Duration duration) {
    if (duration == Duration::zero()) refuse_zero(path, "0s leaves no time at all");
  }
  void check(const std::string& path, ByteSize size) {
    if (size.bytes == 0) refuse_zero(path, "0 lets nothing through");
    const bool placed = std::ranges::find(with_places, path) != with_places.end();
    if (!placed || size.bytes <= placed_max.bytes) return;
    problems_.add(path, to_string(size) + " is out of range",
                  "give at most " + to_string(placed_max));
  }
  void check(const std::string& path, std::uint32_t number) { check_range(path, number); }
  void check(const std::string& path, double number) { check_range(path, number); }
  void check(const std::string& path, const std::optional<std::uint32_t>& number) {
    if (number) check_range(path, *number);
  }
  void check(const std::string&, const auto&) {}

 private:
  void refuse_zero(const std::string& path, std::string message) {
    if (std::ranges::find(may_be_zero, path) != may_be_zero.end()) return;
    problems_.add(path, std::move(message), "give more, or remove it for the default");
  }

  void check_range(const std::string& path, double number) {
    const auto range = std::ranges::find(ranges, path, &Range::path);
    if (range == ranges.end()) {
      if (number == 0) refuse_zero(path, "0 lets nothing through");
    } else if (number < range->least || number > range->most) {
      problems_.add(path, fmt::format("{} is out of range", number),
                    fmt::format("give {} to {}", range->least, range->most));
    }
  }

  Problems& problems_;
};

bool wildcard(std::string_view host) {
  return host == "0.0.0.0" || host == "::";
}

bool share_a_port(const ListenAddress& left, const ListenAddress& right) {
  if (!left.unix_path.empty() || !right.unix_path.empty()) return left == right;
  return left.port != 0 && left.port == right.port &&
         (left.host == right.host || wildcard(left.host) || wildcard(right.host));
}

void check_addresses(const Config& config, Problems& problems) {
  const bool open = config.keys_file.path.empty() && !problems.unread("keys_file");
  if (!config.listen.loopback() && open && !config.allow_unauthenticated) {
    problems.add("listen", "without keys other addresses than loopback are refused",
                 "listen on 127.0.0.1, name a keys_file, or set allow_unauthenticated: true");
  }
  if (!config.admin.loopback()) {
    problems.add("admin", "the admin API listens on loopback only",
                 "write 127.0.0.1:PORT, [::1]:PORT or unix:PATH");
  }
  if (share_a_port(config.listen, config.admin)) {
    problems.add("admin", "is the address of listen", "give it a port of its own");
  }
  if (!config.metrics_listen) return;
  for (const auto& [name, address] :
       {std::pair{"listen", &config.listen}, std::pair{"admin", &config.admin}}) {
    if (!share_a_port(*address, *config.metrics_listen)) continue;
    problems.add("metrics_listen", std::string("is the address of ") + name,
                 "give it a port of its own, or remove it");
  }
}

void check_tls(const TlsConfig& tls, const Environment& environment, Problems& problems) {
  if (tls == TlsConfig{}) return;
  if (tls.cert_file.empty() || tls.key_file.empty()) {
    const std::string missing = tls.cert_file.empty() ? "tls.cert_file" : "tls.key_file";
    if (!problems.unread(missing)) problems.add(missing, "missing", "TLS needs both files");
    return;
  }
  const Result<std::string> certificate = environment.file(tls.cert_file);
  const Result<std::string> key = environment.file(tls.key_file);
  const auto add = [&](const char* path, const std::string& file, const std::string& fault) {
    problems.add(path, in_quotes(file) + ' ' + fault, "name a PEM file that Rocket may read");
  };
  if (!certificate) add("tls.cert_file", tls.cert_file, certificate.error().detail);
  if (!key) add("tls.key_file", tls.key_file, key.error().detail);
  if (!certificate || !key) return;
  switch (check_pair(*certificate, *key)) {
    case PairFault::none: break;
    case PairFault::certificate:
      add("tls.cert_file", tls.cert_file, "holds no PEM certificate");
      break;
    case PairFault::key:
      add("tls.key_file", tls.key_file, "holds no PEM private key without a passphrase");
      break;
    case PairFault::mismatch:
      problems.add("tls.key_file", "is not the key of the certificate in cert_file",
                   "name the two files of one pair, the server's own certificate first");
  }
}

void check_limits(const LimitsConfig& limits, Problems& problems) {
  if (limits.bodies_in_flight_bytes.bytes < limits.body_bytes.bytes) {
    problems.add("limits.bodies_in_flight_bytes",
                 "is less than body_bytes, so that a body of that size could never be held",
                 "raise it, or lower body_bytes");
  }
}

// What is never longer than its longest would silently be that.
void check_longest(const Config& config, Problems& problems) {
  const BreakerConfig& breaker = config.breaker;
  if (breaker.open > breaker.open_max && !problems.unread("breaker.open")) {
    problems.add("breaker.open_max", "is less than open", "raise it, or lower open");
  }
  const auto check_backoff = [&](const std::string& path, Duration backoff, Duration most) {
    if (backoff <= most || problems.unread(path + ".backoff")) return;
    problems.add(path + ".backoff_max", "is less than backoff", "raise it, or lower backoff");
  };
  check_backoff("retry", config.retry.backoff, config.retry.backoff_max);
  check_backoff("batch", config.batch.backoff, config.batch.backoff_max);
}

// A browser sends scheme and host in lower case and never a path: anything else matches nothing.
bool could_be_origin(std::string_view text) {
  if (text == "*") return true;
  const size_t scheme_bytes = text.find("://");
  if (scheme_bytes == 0 || scheme_bytes == std::string_view::npos) return false;
  const std::string_view host = text.substr(scheme_bytes + 3);
  return !host.empty() && !host.contains('/') && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < '\x7f' && (c < 'A' || c > 'Z');
  });
}

void check_cors(const CorsConfig& cors, Problems& problems) {
  for (size_t i = 0; i < cors.origins.size(); ++i) {
    const std::string path = element_path("cors.origins", i);
    if (could_be_origin(cors.origins[i]) || problems.unread(path)) continue;
    problems.add(path, in_quotes(cors.origins[i]) + " is no origin that a browser sends",
                 "write it as https://chat.example, without a path, or as \"*\"");
  }
}

void check_media(const MediaConfig& media, Problems& problems) {
  for (size_t i = 0; i < media.allow.size(); ++i) {
    const std::string& one = media.allow[i];
    const std::string path = element_path("media.allow", i);
    if (problems.unread(path) || address_range(one) || is_host_name(one)) continue;
    problems.add(path, in_quotes(one) + " is neither a range of addresses nor a host",
                 "write it as 10.1.0.0/16, with nothing set behind the prefix, as one address, or "
                 "as images.example in lower case");
  }
}

// What stands in the variable is never shown: it holds a password.
void check_postgres_url(const StoreConfig& store, const Environment& environment,
                        Problems& problems) {
  if (problems.unread("store.postgres_url_env")) return;
  const auto url = environment.variable(store.postgres_url_env);
  const auto add = [&](const char* fault) {
    problems.add("store.postgres_url_env", in_quotes(store.postgres_url_env) + ' ' + fault,
                 "set it to postgresql://USER:PASSWORD@HOST/DATABASE where Rocket is started");
  };
  if (!url || url->empty()) {
    add("is not set");
  } else if (!url->starts_with("postgres://") && !url->starts_with("postgresql://")) {
    add("holds no URL of a Postgres database");
  }
}

void check_store(const StoreConfig& store, const Environment& environment, Problems& problems) {
  if (store.in_postgres()) {
    check_postgres_url(store, environment, problems);
    if (!store.path.empty()) {
      problems.add("store.path", "there is a postgres_url_env as well", "keep one of them");
    }
    if (store.files.empty() && !problems.unread("store.files")) {
      problems.add("store.files", "missing",
                   "with Postgres, name the directory for what is in files");
    }
  } else if (!store.files.empty() && !problems.unread("store.postgres_url_env")) {
    problems.add("store.files", "is for a store in Postgres",
                 "remove it, or name a postgres_url_env");
  }
  if (store.file_bytes.bytes > store.bytes.bytes) {
    problems.add("store.bytes", "is less than file_bytes, so that such a file could never be kept",
                 "raise it, or lower file_bytes");
  }
}

void check_otlp(const OtlpConfig& otlp, const Environment& environment, Problems& problems) {
  if (!otlp.on() || problems.unread("otlp.url")) return;
  const auto url = parse_endpoint_url(otlp.url);
  if (!url) problems.add("otlp.url", url.error().detail, "write it as http://127.0.0.1:4318");
  const auto headers = load_trace_headers(otlp, environment);
  if (!headers) {
    const bool in_file = !otlp.headers_file.empty();
    problems.add(in_file ? "otlp.headers_file" : "otlp.headers_env", headers.error().detail,
                 "write NAME=VALUE,NAME=VALUE with percent-encoded values, or remove it");
  }
  if (otlp.ca_file.empty()) return;
  const auto content = environment.file(otlp.ca_file);
  if (!content) {
    problems.add("otlp.ca_file", in_quotes(otlp.ca_file) + ' ' + content.error().detail,
                 "name a PEM file that Rocket may read");
  }
}

}  // namespace

void check(const Config& config, const Environment& environment, Problems& problems) {
  check_addresses(config, problems);
  check_backends(config, environment, problems);
  check_order(config, problems);
  check_routes(config, problems);
  check_key_backends(config, problems);
  check_tls(config.tls, environment, problems);
  NumberCheck(problems).check("", config);
  check_limits(config.limits, problems);
  check_longest(config, problems);
  check_cors(config.cors, problems);
  check_otlp(config.otlp, environment, problems);
  check_media(config.media, problems);
  check_store(config.store, environment, problems);
}

}  // namespace rocket
