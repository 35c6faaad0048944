#include "proxy/trace_sender.h"

#include <algorithm>
#include <charconv>

#include "policy/retry_after.h"
#include "telemetry/otlp_spans.h"
#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr Duration send_time = std::chrono::seconds(5);

std::string request_text(const TraceTarget& target, std::string_view body) {
  std::string text;
  text.reserve(256 + target.head_lines.size() + body.size());
  append_request_line(text, "POST", target.url.base_path + "/v1/traces");
  append_header(text, "host", target.url.authority());
  text += target.head_lines;
  append_header(text, "content-type", "application/json");
  append_header(text, "content-length", std::to_string(body.size()));
  append_header(text, "user-agent", "rocket/" ROCKET_VERSION);
  text += head_end;
  text += body;
  return text;
}

// How many spans of a batch that was taken the collector has refused all the same. Protobuf's JSON
// writes such numbers as strings, and takes both.
std::uint64_t rejected_spans(std::string_view body) {
  const auto whole = parse_json(body);
  if (!whole || whole->kind != JsonKind::object) return 0;
  const auto partial = json_find(body, "partialSuccess");
  if (!partial || partial->kind != JsonKind::object) return 0;
  const auto rejected = json_find(partial->text, "rejectedSpans");
  if (!rejected) return 0;
  if (rejected->kind != JsonKind::string) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(rejected->as_int().value_or(0), 0));
  }
  const std::string_view digits = rejected->raw_string();
  std::uint64_t count = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return read.ec == std::errc() ? count : 0;
}

}  // namespace

Task<void> TraceSender::run() {
  while (true) {
    co_await Wait(loop_.io.timers, loop_.traces.due(), never);
    bool taken = true;
    // After a failure the next try is the chores' to call for: soon enough, and no sooner.
    while (taken && loop_.traces.size() != 0 && loop_.io.timers.now() >= not_before_) {
      taken = co_await send_batch();
    }
  }
}

bool TraceSender::heed(const Fetched& answer) {
  if (answer.status / 100 == 2) {
    const std::uint64_t rejected = rejected_spans(answer.body);
    if (rejected != 0) loop_.metrics.counter(Family::trace_spans_rejected).add(rejected);
    return true;
  }
  const auto wait = parse_retry_after(answer.retry_after, loop_.io.timers.wall_now());
  if (wait) {
    const Duration most = loop_.current->snapshot->config.retry.retry_after_max;
    not_before_ = loop_.io.timers.now() + std::min(*wait, most);
  }
  return false;
}

Task<bool> TraceSender::send_batch() {
  sending_ = true;
  const auto current = loop_.current;
  const std::vector<TracedRequest> requests = loop_.traces.take();
  bool taken = false;
  if (current->traces) {
    const TraceTarget& target = *current->traces;
    std::string text = request_text(target, otlp_spans(requests, ROCKET_VERSION));
    const TimePoint deadline = loop_.io.timers.now() + send_time;
    const auto answer = co_await fetch_text(loop_.io, *target.pool, std::move(text), deadline);
    taken = answer && heed(*answer);
  }
  loop_.metrics.counter(Family::traces, {taken ? "sent" : "dropped"}).add(requests.size());
  sending_ = false;
  co_return taken;
}

}  // namespace rocket
