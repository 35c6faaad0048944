#include "config/check.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/read_config_test.h"

namespace rocket {
namespace {

TEST(Check, KeepsAddressesSafe) {
  const std::string same = "admin: is the address of listen; give it a port of its own";
  const std::string open =
      "listen: without keys other addresses than loopback are refused; listen on 127.0.0.1, "
      "name a keys_file, or set allow_unauthenticated: true";
  const std::string admin =
      "admin: the admin API listens on loopback only; write 127.0.0.1:PORT, [::1]:PORT or "
      "unix:PATH";
  const std::string metrics = "metrics_listen: is the address of ";
  const std::string apart = "; give it a port of its own, or remove it";
  const ProblemCase cases[] = {
      {"listen: 0.0.0.0:8000", {open}},
      {"listen: \"[::]:8000\"", {open}},
      {"listen: 0.0.0.0:8000\nallow_unauthenticated: true", {}},
      {"listen: 0.0.0.0:8000\nkeys_file: keys.yaml", {}},
      {"admin: 0.0.0.0:8090", {admin}},
      {"admin: 0.0.0.0:8090\nallow_unauthenticated: true", {admin}},
      {"admin: unix:/run/rocket.sock", {}},
      {"admin: 127.0.0.1:8000", {same}},
      {"admin: \"[::1]:8000\"", {}},
      {"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0", {}},
      {"listen: 0.0.0.0:8090\nallow_unauthenticated: true", {same}},
      {"listen: unix:/s\nadmin: unix:/s", {same}},
      {"listen: unix:/s\nadmin: unix:/t", {}},
      {"metrics_listen: \"\"", {}},
      {"metrics_listen: 0.0.0.0:9464", {}},
      {"metrics_listen: unix:/run/metrics.sock", {}},
      {"metrics_listen: 0.0.0.0:8000", {metrics + "listen" + apart}},
      {"metrics_listen: 127.0.0.1:8090", {metrics + "admin" + apart}},
      {"metrics_listen: 9464",
       {"metrics_listen: has a host that is neither a name nor an IPv4 address of four numbers; "
        "write IP:PORT, [IPv6]:PORT or unix:PATH"}},
      {"listen: rocket.example:8000",
       {"listen: has a name where an IP address is needed; write IP:PORT, [IPv6]:PORT or "
        "unix:PATH"}},
  };
  expect_problems_besides_backend(cases);
}

TEST(Check, KnowsRanges) {
  const std::string more = "; give more, or remove it for the default";
  const ProblemCase cases[] = {
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
       {"limits.headers: 0 is out of range; give 1 to 1000000",
        "limits.event_bytes: 0 lets nothing through" + more}},
      {"limits: {header_bytes: 1GiB, target_bytes: 1GiB}\nbatch: {line_bytes: 1GiB}", {}},
      {"limits: {header_bytes: 8GiB, target_bytes: 1073741825}\nbatch: {line_bytes: 1048576GiB}",
       {"limits.header_bytes: 8GiB is out of range; give at most 1GiB",
        "limits.target_bytes: 1073741825 is out of range; give at most 1GiB",
        "batch.line_bytes: 1048576GiB is out of range; give at most 1GiB"}},
      {"limits: {headers: 2147483648}",
       {"limits.headers: 2147483648 is out of range; give 1 to 1000000"}},
      {"limits: {body_bytes: 2GiB}",
       {"limits.bodies_in_flight_bytes: is less than body_bytes, so that a body of that size could "
        "never be held; raise it, or lower body_bytes"}},
      {"breaker: {open: 2m}", {"breaker.open_max: is less than open; raise it, or lower open"}},
      {"breaker: {open: 2m, open_max: 2m}", {}},
      {"retry: {backoff: 1s, backoff_max: 500ms}",
       {"retry.backoff_max: is less than backoff; raise it, or lower backoff"}},
      {"limits: {receipts: 0}", {"limits.receipts: 0 is out of range; give 1 to 100000"}},
      {"otlp: {ratio: 1.5, queue: 0}",
       {"otlp.ratio: 1.5 is out of range; give 0 to 1",
        "otlp.queue: 0 is out of range; give 1 to 100000"}},
      {"otlp: {url: \"\"}", {}},
      {"otlp: {url: \"https://traces.example:4318/base\"}", {}},
      {"otlp: {url: \"http://c:4318\", headers_env: NOT_SET}",
       {"otlp.headers_env: the environment variable is not set; write NAME=VALUE,NAME=VALUE with "
        "percent-encoded values, or remove it"}},
      {"otlp: {url: \"https://c\", headers_file: /no/such, ca_file: /no/such}",
       {"otlp.headers_file: the file can not be read: No such file or directory; write "
        "NAME=VALUE,NAME=VALUE with percent-encoded values, or remove it",
        "otlp.ca_file: \"/no/such\" can not be read: No such file or directory; name a PEM file "
        "that Rocket may read"}},
      {"otlp: {url: collector}",
       {"otlp.url: begins with neither http:// nor https://; write it as http://127.0.0.1:4318"}},
      {"cors: {origins: [chat.example, \"https://chat.example/\", \"https://Chat.example\"]}",
       {"cors.origins[0]: \"chat.example\" is no origin that a browser sends; write it as "
        "https://chat.example, without a path, or as \"*\"",
        "cors.origins[1]: \"https://chat.example/\" is no origin that a browser sends; write it as "
        "https://chat.example, without a path, or as \"*\"",
        "cors.origins[2]: \"https://Chat.example\" is no origin that a browser sends; write it as "
        "https://chat.example, without a path, or as \"*\""}},
  };
  expect_problems_besides_backend(cases);
}

TEST(Check, KnowsWhereFilesMayComeFrom) {
  const std::string remedy =
      "; write it as 10.1.0.0/16, with nothing set behind the prefix, as one address, or as "
      "images.example in lower case";
  const ProblemCase cases[] = {
      {"media_urls: fetch\nmedia: {allow: [10.1.0.0/16, 127.0.0.1, \"::1\", images.internal, nas]}",
       {}},
      {"batch: {engine: spark}",
       {"batch.engine: expected an engine, found \"spark\"; write local or ray"}},
      {"media_urls: sometimes",
       {"media_urls: expected what to do with URLs, found \"sometimes\"; write auto, refuse, fetch "
        "or pass"}},
      {"media: {allow: [10.1.0.1/16, \"http://a\", A.example, 10.1, \"*\"]}",
       {"media.allow[0]: \"10.1.0.1/16\" is neither a range of addresses nor a host" + remedy,
        "media.allow[1]: \"http://a\" is neither a range of addresses nor a host" + remedy,
        "media.allow[2]: \"A.example\" is neither a range of addresses nor a host" + remedy,
        "media.allow[3]: \"10.1\" is neither a range of addresses nor a host" + remedy,
        "media.allow[4]: \"*\" is neither a range of addresses nor a host" + remedy}},
      {"limits: {media_urls: 0}", {"limits.media_urls: 0 is out of range; give 1 to 1000"}},
  };
  expect_problems_besides_backend(cases);
  EXPECT_TRUE(problems_of_backend_with("media_urls: pass").empty());
}

TEST(Check, KnowsWhereFilesAndBatchesMayBe) {
  const std::string remedy =
      "set it to postgresql://USER:PASSWORD@HOST/DATABASE where Rocket is started";
  const ProblemCase cases[] = {
      {"store: {path: /var/lib/rocket}", {}},
      {"store: {expiry: 0s, file_bytes: 1MiB, bytes: 1MiB}", {}},
      {"store: {files: /srv/files}",
       {"store.files: is for a store in Postgres; remove it, or name a postgres_url_env"}},
      {"store: {postgres_url_env: NOT_SET, files: /srv/files}",
       {"store.postgres_url_env: \"NOT_SET\" is not set; " + remedy}},
      {"store: {postgres_url_env: VLLM_API_KEY, files: /srv/files}",
       {"store.postgres_url_env: \"VLLM_API_KEY\" holds no URL of a Postgres database; " + remedy}},
      {"store: {postgres_url_env: DATABASE_URL, files: /srv/files}", {}},
      {"store: {postgres_url_env: DATABASE_URL, path: /var/lib/rocket}",
       {"store.path: there is a postgres_url_env as well; keep one of them",
        "store.files: missing; with Postgres, name the directory for what is in files"}},
      {"store: {file_bytes: 2MiB, bytes: 1MiB}",
       {"store.bytes: is less than file_bytes, so that such a file could never be kept; raise it, "
        "or lower file_bytes"}},
      {"store: {file_bytes: 0}",
       {"store.file_bytes: 0 lets nothing through; give more, or remove it for the default"}},
  };
  expect_problems_besides_backend(cases);
}

}  // namespace
}  // namespace rocket
