#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace rocket {

// Every metric that the gateway counts. To add one: an enumerator here, a row in
// metric_family.cc. Names are pinned: dashboards and alerts rely on them.
enum class Family : unsigned char {
  backend_health_status,
  backend_request_count,
  backend_error_rate,
  requests,
  attempts,
  retries,
  failovers,
  hedges,
  cancels,
  breaker_state,
  in_flight,
  queue_depth,
  queue_wait,
  first_token,
  output_token,
  tokens,
  key_requests,
  key_tokens,
  config_revision,
  connections,
  stored_responses,
  stored_response_bytes,
  receipts_missed,
  traces,
  trace_spans_rejected,
  media_fetches,
  batches,
  batches_ended,
  batch_lines,
  batch_lines_in_flight,
  batch_tokens,
  metric_overflow,
};
inline constexpr std::size_t family_count = 32;

enum class MetricKind : unsigned char {
  counter,
  gauge,
  error_rate,  // a gauge to those who read it: the share of errors in the last 60 s
  histogram,
};

inline constexpr std::size_t metric_labels_max = 4;

struct FamilyInfo {
  Family family;
  MetricKind kind;
  std::string_view name;
  std::string_view help;
  std::array<std::string_view, metric_labels_max> labels{};  // behind the last: empty
  // The label that grows with what clients ask for rather than with the configuration. When
  // there are too many series, it is the first to become `other`. metric_labels_max: none.
  std::size_t open_label = metric_labels_max;
  std::span<const Duration> buckets{};  // upper bounds of a histogram, ascending, without +Inf

  [[nodiscard]] constexpr std::size_t label_count() const {
    std::size_t count = 0;
    while (count < labels.size() && !labels[count].empty())
      ++count;
    return count;
  }
};

[[nodiscard]] const FamilyInfo& family_info(Family family);

// A family's labels with these values as the Prometheus text format has them:
// `backend="a",model="b"`. What has a meaning there is escaped; bytes that are not UTF-8 and
// control characters become U+FFFD.
[[nodiscard]] std::string label_text(const FamilyInfo& info,
                                     const std::array<std::string_view, metric_labels_max>& values);

}  // namespace rocket
