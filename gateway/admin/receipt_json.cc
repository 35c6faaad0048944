#include "admin/receipt_json.h"

#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using nlohmann::json;

json word_or_null(std::string_view word) {
  return word.empty() ? json() : json(word);
}

double milliseconds(std::uint32_t micros) {
  return static_cast<double>(micros) / 1000;
}

// Each phase's own time; the one at which it ended, or is, too.
json phases(const Receipt& receipt, const AttemptReceipt& attempt, TimePoint now) {
  json times = json::object();
  std::uint32_t from = attempt.started;
  for (std::size_t i = 0; i < phase_count; ++i) {
    const bool current = !attempt.ended && i == static_cast<std::size_t>(attempt.phase);
    const std::uint32_t until = current ? receipt.end_of(attempt, now) : attempt.until[i];
    if (until == AttemptReceipt::unknown) continue;
    times[std::string(to_string(static_cast<Phase>(i)))] = milliseconds(until - from);
    from = until;
  }
  return times;
}

json describe(const Receipt& receipt, const AttemptReceipt& attempt, TimePoint now) {
  return {{"endpoint", word_or_null(receipt.endpoint_of(attempt))},
          {"outcome", attempt.ended ? json(to_string(attempt.outcome)) : json()},
          {"blame", attempt.ended ? json(to_string(attempt.blame)) : json()},
          {"error", attempt.error ? json(to_string(*attempt.error)) : json()},
          {"started_ms", milliseconds(attempt.started)},
          {"phases_ms", phases(receipt, attempt, now)}};
}

json tokens(const Receipt& receipt) {
  const auto counted = [&](std::int64_t tokens) {
    return receipt.tokens_known ? json(tokens) : json();
  };
  return {{"in", counted(receipt.tokens_in)},
          {"out", counted(receipt.tokens_out)},
          {"cached", counted(receipt.tokens_cached)}};
}

}  // namespace

json describe_receipt(const Receipt& receipt, TimePoint now) {
  json candidates = json::array();
  for (std::size_t i = 0; i < receipt.candidates(); ++i) {
    const Receipt::Candidate one = receipt.candidate(i);
    candidates.push_back({{"endpoint", one.endpoint}, {"score", one.score}, {"why", one.why}});
  }
  json attempts = json::array();
  for (const AttemptReceipt& one : receipt.attempts())
    attempts.push_back(describe(receipt, one, now));
  const bool over = !receipt.under_way;
  json described = {{"id", receipt.id()},
                    {"operation", receipt.operation},
                    {"model", word_or_null(receipt.model())},
                    {"key", word_or_null(receipt.key())},
                    {"lane", word_or_null(receipt.lane)},
                    {"under_way", receipt.under_way},
                    {"status", over ? json(receipt.status) : json()},
                    {"outcome", over ? json(to_string(receipt.outcome)) : json()},
                    {"blame", over ? json(to_string(receipt.blame)) : json()},
                    {"candidates", std::move(candidates)},
                    {"candidates_left_out", receipt.candidates_left_out},
                    {"attempts", std::move(attempts)},
                    {"attempts_left_out", receipt.attempts_left_out},
                    {"queue_ms", to_ms(receipt.queue)},
                    {"media_ms", to_ms(receipt.media)},
                    {"engine_ms", to_ms(receipt.engine_time(now))},
                    {"gateway_us", to_ms(receipt.gateway) * 1000},
                    {"total_ms", to_ms(over ? receipt.total : now - receipt.begun)},
                    {"tokens", tokens(receipt)},
                    {"trace", json()}};
  if (receipt.trace.span != 0) {
    std::string trace;
    append_traceparent(trace, receipt.trace);
    described["trace"] = trace;
  }
  return described;
}

}  // namespace rocket
