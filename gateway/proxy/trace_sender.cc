#include "proxy/trace_sender.h"

#include "proxy/fetch.h"
#include "telemetry/otlp_spans.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

constexpr Duration send_time = std::chrono::seconds(5);

std::string request_text(const EndpointUrl& url, std::string_view body) {
  std::string text;
  text.reserve(256 + body.size());
  append_request_line(text, "POST", url.base_path + "/v1/traces");
  append_header(text, "host", url.authority());
  append_header(text, "content-type", "application/json");
  append_header(text, "content-length", std::to_string(body.size()));
  append_header(text, "user-agent", "rocket/" ROCKET_VERSION);
  text += head_end;
  text += body;
  return text;
}

}  // namespace

Task<void> TraceSender::run() {
  while (true) {
    co_await Wait(loop_.io.timers, loop_.traces.due(), never);
    bool taken = true;
    // After a failure the next try is the chores' to call for: soon enough, and no sooner.
    while (taken && loop_.traces.size() != 0) {
      taken = co_await send_batch();
    }
  }
}

Task<bool> TraceSender::send_batch() {
  sending_ = true;
  const auto current = loop_.current;
  const std::vector<Receipt> receipts = loop_.traces.take();
  bool taken = false;
  if (current->traces) {
    const TraceTarget& target = *current->traces;
    std::string text = request_text(target.url, otlp_spans(receipts, ROCKET_VERSION));
    const TimePoint deadline = loop_.io.timers.now() + send_time;
    const auto answer = co_await fetch_text(loop_.io, *target.pool, std::move(text), deadline);
    taken = answer && answer->status / 100 == 2;
  }
  loop_.metrics.counter(Family::traces, {taken ? "sent" : "dropped"}).add(receipts.size());
  sending_ = false;
  co_return taken;
}

}  // namespace rocket
