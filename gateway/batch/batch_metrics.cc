#include "batch/batch_metrics.h"

#include "batch/batch_json.h"

namespace rocket {

BatchMetrics::BatchMetrics(MetricShard& shard)
    : shard_(shard),
      done_(shard.counter(Family::batch_lines, {"done"})),
      failed_(shard.counter(Family::batch_lines, {"failed"})),
      input_(shard.counter(Family::batch_tokens, {"in"})),
      cached_(shard.counter(Family::batch_tokens, {"cached"})),
      output_(shard.counter(Family::batch_tokens, {"out"})) {}

void BatchMetrics::show(BatchStatus status) {
  if (shown_ == status) return;
  shown_ = status;
  if (has_ended(status)) {
    at_work_ = GaugeHold();
    shard_.counter(Family::batches_ended, {to_string(status)}).add();
  } else {
    at_work_ = GaugeHold(shard_.gauge(Family::batches, {to_string(status)}));
  }
}

void BatchMetrics::count(std::span<const LineResult> results) const {
  for (const LineResult& result : results) {
    (result.error ? failed_ : done_).add();
    input_.add(result.tokens.input);
    cached_.add(result.tokens.cached);
    output_.add(result.tokens.output);
  }
}

}  // namespace rocket
