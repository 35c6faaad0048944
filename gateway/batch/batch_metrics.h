#pragma once

#include <optional>
#include <span>

#include "store/records.h"
#include "telemetry/metrics.h"

namespace rocket {

// What one loop counts of one batch, while somebody works on it: rocket_batch*.
class BatchMetrics {
 public:
  // `shard` outlives it.
  explicit BatchMetrics(MetricShard& shard);

  // The batch is one of this status from now on; it is one of none any more once this is destroyed,
  // or the status is one that it ends with.
  void show(BatchStatus status);
  // These results have been written, and are new.
  void count(std::span<const LineResult> results) const;

 private:
  MetricShard& shard_;
  Counter done_;
  Counter failed_;
  Counter input_;
  Counter cached_;
  Counter output_;
  std::optional<BatchStatus> shown_;
  GaugeHold at_work_;
};

}  // namespace rocket
