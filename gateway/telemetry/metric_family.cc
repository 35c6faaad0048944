#include "telemetry/metric_family.h"

#include "base/utf8.h"

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_token_buckets[] = {1ms,   2500us, 5ms,    10ms, 25ms, 50ms, 100ms, 250ms,
                                            500ms, 1s,     2500ms, 5s,   10s,  30s,  60s};
constexpr Duration output_token_buckets[] = {1ms,  2500us, 5ms,   10ms,  20ms,  30ms, 50ms,
                                             75ms, 100ms,  150ms, 250ms, 500ms, 1s};

constexpr Duration queue_wait_buckets[] = {1ms,   5ms, 10ms,   25ms, 50ms, 100ms, 250ms,
                                           500ms, 1s,  2500ms, 5s,   10s,  30s,   60s};

constexpr FamilyInfo families[] = {
    {Family::backend_health_status,
     MetricKind::gauge,
     "backend_health_status",
     "Whether the endpoint is healthy (1) or not (0).",
     {"backend", "endpoint"}},
    {Family::backend_request_count,
     MetricKind::counter,
     "backend_request_count",
     "Attempts at this backend that have ended, however they ended.",
     {"backend"}},
    {Family::backend_error_rate,
     MetricKind::error_rate,
     "backend_error_rate",
     "Share of the attempts of the last 60 seconds that failed with blame upstream, 0 to 1; "
     "cancelled ones are left out.",
     {"backend"}},
    {Family::requests,
     MetricKind::counter,
     "rocket_requests_total",
     "Client requests answered, by the status that the client got.",
     {"operation", "route", "backend", "code"},
     1},
    {Family::attempts,
     MetricKind::counter,
     "rocket_attempts_total",
     "Attempts at endpoints, by how they ended and who is to blame.",
     {"backend", "outcome", "blame"}},
    {Family::retries,
     MetricKind::counter,
     "rocket_retries_total",
     "Further attempts within the same backend.",
     {"backend"}},
    {Family::failovers,
     MetricKind::counter,
     "rocket_failovers_total",
     "Attempts at this backend after another one had failed.",
     {"backend"}},
    {Family::hedges,
     MetricKind::counter,
     "rocket_hedges_total",
     "Attempts at this backend beside one that was late.",
     {"backend"}},
    {Family::cancels,
     MetricKind::counter,
     "rocket_cancels_total",
     "Attempts called off: the client went away, or another attempt answered first.",
     {"backend"}},
    {Family::breaker_state,
     MetricKind::gauge,
     "rocket_breaker_state",
     "Circuit breaker: 0 closed, 1 half open, 2 open.",
     {"endpoint"}},
    {Family::in_flight, MetricKind::gauge, "rocket_in_flight", "Attempts going on.", {"backend"}},
    {Family::queue_depth,
     MetricKind::gauge,
     "rocket_queue_depth",
     "Requests that wait for a place.",
     {"lane"}},
    {Family::queue_wait,
     MetricKind::histogram,
     "rocket_queue_wait_seconds",
     "How long requests waited for a place before their first attempt.",
     {"lane"},
     metric_labels_max,
     queue_wait_buckets},
    {Family::first_token,
     MetricKind::histogram,
     "rocket_first_token_seconds",
     "From sending a streamed request to its first token.",
     {"backend", "model"},
     1,
     first_token_buckets},
    {Family::output_token,
     MetricKind::histogram,
     "rocket_output_token_seconds",
     "Mean time per output token of a stream, behind the first.",
     {"backend", "model"},
     1,
     output_token_buckets},
    {Family::tokens,
     MetricKind::counter,
     "rocket_tokens_total",
     "Tokens as the upstream counted them: in, out, or cached, which is part of in.",
     {"backend", "model", "direction"},
     1},
    {Family::key_requests,
     MetricKind::counter,
     "rocket_key_requests_total",
     "Client requests answered, by the name of their API key.",
     {"key"},
     0},
    {Family::key_tokens,
     MetricKind::counter,
     "rocket_key_tokens_total",
     "Tokens by the name of the API key, as rocket_tokens_total counts them.",
     {"key", "direction"},
     0},
    {Family::config_revision, MetricKind::gauge, "rocket_config_revision",
     "The revision of the configuration in use."},
    {Family::connections, MetricKind::gauge, "rocket_connections", "Client connections open."},
    {Family::stored_responses, MetricKind::gauge, "rocket_stored_responses",
     "Responses that clients may come back to."},
    {Family::stored_response_bytes, MetricKind::gauge, "rocket_stored_response_bytes",
     "What they take, of responses.bytes."},
    {Family::receipts_missed, MetricKind::counter, "rocket_receipts_missed_total",
     "Requests without a receipt: more were under way than limits.receipts allows for."},
    {Family::traces,
     MetricKind::counter,
     "rocket_traces_total",
     "Requests whose spans were sent, or dropped: the collector failed or was too slow.",
     {"result"}},
    {Family::trace_spans_rejected, MetricKind::counter, "rocket_trace_spans_rejected_total",
     "Spans of requests that were sent which the collector said that it has refused."},
    {Family::media_fetches,
     MetricKind::counter,
     "rocket_media_fetches_total",
     "Files fetched for requests that name them by their URL: ok, refused or failed.",
     {"result"}},
    {Family::batches,
     MetricKind::gauge,
     "rocket_batches",
     "Batches that this gateway has in hand, by their status.",
     {"status"}},
    {Family::batches_ended,
     MetricKind::counter,
     "rocket_batches_ended_total",
     "Batches that have ended in this gateway's hands, by how.",
     {"status"}},
    {Family::batch_lines,
     MetricKind::counter,
     "rocket_batch_lines_total",
     "Lines of batches whose result this gateway has written: done, or failed.",
     {"result"}},
    {Family::batch_lines_in_flight, MetricKind::gauge, "rocket_batch_lines_in_flight",
     "Lines of batches that this gateway is asking."},
    {Family::batch_tokens,
     MetricKind::counter,
     "rocket_batch_tokens_total",
     "Tokens of those lines: in, out, or cached, which is part of in.",
     {"direction"}},
    {Family::metric_overflow, MetricKind::counter, "rocket_metric_overflow_total",
     "Look-ups of series that were counted as `other`, for there were too many or a label was too "
     "long."},
};

constexpr bool in_order() {
  std::size_t at = 0;
  for (const FamilyInfo& info : families) {
    if (static_cast<std::size_t>(info.family) != at++) return false;
  }
  return at == family_count;
}
static_assert(in_order(), "a row per enumerator, in the same order");

void append_label_value(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const Utf8Piece piece = first_utf8_piece(text);
    const bool control =
        piece.code_point < 0x20 || (piece.code_point >= 0x7F && piece.code_point < 0xA0);
    if (!piece.valid) {
      out += utf8_replacement;
    } else if (piece.code_point == '\n') {
      out += "\\n";
    } else if (piece.code_point == '"' || piece.code_point == '\\') {
      out += '\\';
      out += text[0];
    } else if (control) {
      out += utf8_replacement;
    } else {
      out += text.substr(0, piece.bytes);
    }
    text.remove_prefix(piece.bytes);
  }
}

}  // namespace

const FamilyInfo& family_info(Family family) {
  return families[static_cast<std::size_t>(family)];
}

std::string label_text(const FamilyInfo& info,
                       const std::array<std::string_view, metric_labels_max>& values) {
  std::string text;
  for (std::size_t i = 0; i < info.label_count(); ++i) {
    if (i > 0) text += ',';
    text += info.labels[i];
    text += "=\"";
    append_label_value(text, values[i]);
    text += '"';
  }
  return text;
}

}  // namespace rocket
