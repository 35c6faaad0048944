#pragma once

#include <optional>
#include <string_view>

namespace rocket {

// One sample of Prometheus' text format (version 0.0.4, and what OpenMetrics has in common with
// it). Views into the line.
struct MetricSample {
  std::string_view name;
  std::string_view labels;  // as written between the braces; empty: none
  double value = 0;         // may be infinite or not a number
};

// The sample that a line is; none for a comment, an empty line and one that makes no sense. A
// timestamp or exemplar behind the value is not looked at.
[[nodiscard]] std::optional<MetricSample> read_metric_line(std::string_view line);

// Calls on_sample with each sample of a whole exposition, in order.
template <class OnSample>
void for_each_sample(std::string_view text, OnSample&& on_sample) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (const auto sample = read_metric_line(text.substr(0, end))) on_sample(*sample);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

}  // namespace rocket
