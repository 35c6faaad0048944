#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch_metrics.h"
#include "batch/line_places.h"
#include "batch/store_caller.h"
#include "net/io.h"
#include "store/records.h"

namespace rocket {

// The results of one batch on their way into the store: written in groups, so that a disk's
// slowest move is made for many of them at once. A result counts for nothing before it is
// written; what the store refuses is offered again until it takes it. Belongs to one loop.
class LineJournal {
 public:
  struct Settings {
    Duration gather = std::chrono::milliseconds(50);  // a result waits for others, at most
    std::size_t lines = 64;                           // that make a group
    // Who keeps the journal, by the batch's lease. Nobody: the results are offered, and what comes
    // after the batch's end is dropped.
    std::string holder{};
  };
  struct Surroundings {
    Timers& timers;
    const StoreCaller& stores;
    BatchMetrics& metrics;
  };

  // All but `batch`, its id, outlive it.
  LineJournal(const Surroundings& around, std::string batch, Settings settings);
  LineJournal(const LineJournal&) = delete;
  LineJournal& operator=(const LineJournal&) = delete;

  // Whoever has lost the lease begins none: batch_not_found.
  [[nodiscard]] Task<Result<void>> begin(std::shared_ptr<const std::vector<std::uint32_t>> lines);
  // Whatever place its line has taken comes free when it is written.
  void add(LineResult result, std::optional<LinePlaces::Place> place);
  // What there is waits for no more: somebody has need of its places.
  void write_soon();
  // Writes what there is, as long as it is let live.
  [[nodiscard]] Task<void> run();
  // Until all that has been added so far is written.
  [[nodiscard]] Task<void> written();

  // Results that are not written, and their bytes.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  // Why the store has not taken the last group that it was offered.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  using Group = std::vector<LineResult>;
  class Hurry;

  [[nodiscard]] Task<void> gather();
  [[nodiscard]] Task<void> write(std::shared_ptr<const Group> group);
  void note_written(const Group& group);

  Timers& timers_;
  const StoreCaller& stores_;
  BatchMetrics& metrics_;
  const std::string batch_;
  const Settings settings_;
  WaitSlot added_;
  WaitSlot changed_;  // a group has been written, or refused
  Group pending_;
  std::vector<LinePlaces::Place> pending_places_;  // of these
  bool soon_ = false;
  TimePoint pending_since_{};
  std::uint64_t added_all_ = 0;    // since it began
  std::uint64_t written_all_ = 0;  // of these; they are written in their order
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
  int hurried_ = 0;  // so many wait for all to be written
  std::optional<Error> failure_;
};

}  // namespace rocket
