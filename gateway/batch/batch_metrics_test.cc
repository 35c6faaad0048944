#include "batch/batch_metrics.h"

#include <gtest/gtest.h>

#include <optional>

namespace rocket {
namespace {

class BatchMetricsTest : public testing::Test {
 protected:
  [[nodiscard]] std::int64_t at_work(std::string_view status) {
    return shard().gauge(Family::batches, {status}).value();
  }
  [[nodiscard]] std::uint64_t ended(std::string_view status) {
    return shard().counter(Family::batches_ended, {status}).value();
  }
  [[nodiscard]] MetricShard& shard() { return metrics_.shard(0); }

 private:
  Metrics metrics_{1};
};

TEST_F(BatchMetricsTest, a_batch_is_one_of_its_status_until_it_has_ended) {
  BatchMetrics one(shard());
  std::optional<BatchMetrics> other(shard());
  one.show(BatchStatus::validating);
  other->show(BatchStatus::in_progress);
  EXPECT_EQ(at_work("validating"), 1);
  one.show(BatchStatus::in_progress);
  one.show(BatchStatus::in_progress);
  EXPECT_EQ(at_work("validating"), 0);
  EXPECT_EQ(at_work("in_progress"), 2);
  one.show(BatchStatus::completed);
  one.show(BatchStatus::completed);
  EXPECT_EQ(at_work("in_progress"), 1);
  EXPECT_EQ(ended("completed"), 1U);
  // Another gateway has it now.
  other.reset();
  EXPECT_EQ(at_work("in_progress"), 0);
  EXPECT_EQ(ended("completed"), 1U);
}

TEST_F(BatchMetricsTest, counts_lines_and_tokens) {
  const BatchMetrics batch(shard());
  const LineResult results[] = {
      {.line = 1, .error = false, .json = "{}", .tokens = {10, 4, 5, 1}},
      {.line = 2, .error = true, .json = "{}", .tokens = {}},
      {.line = 3, .error = false, .json = "{}", .tokens = {1, 0, 2, 0}},
  };
  batch.count(results);
  EXPECT_EQ(shard().counter(Family::batch_lines, {"done"}).value(), 2U);
  EXPECT_EQ(shard().counter(Family::batch_lines, {"failed"}).value(), 1U);
  EXPECT_EQ(shard().counter(Family::batch_tokens, {"in"}).value(), 11U);
  EXPECT_EQ(shard().counter(Family::batch_tokens, {"cached"}).value(), 4U);
  EXPECT_EQ(shard().counter(Family::batch_tokens, {"out"}).value(), 7U);
}

}  // namespace
}  // namespace rocket
