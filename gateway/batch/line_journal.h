#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  };

  // All but `batch`, its id, outlive it.
  LineJournal(Timers& timers, const StoreCaller& stores, std::string batch, Settings settings);
  LineJournal(const LineJournal&) = delete;
  LineJournal& operator=(const LineJournal&) = delete;

  void add(LineResult result);
  // Writes what there is, as long as it is let live.
  [[nodiscard]] Task<void> run();
  // Until all that has been added is written.
  [[nodiscard]] Task<void> written();

  // Results that are not written, and their bytes.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  // Why the store has not taken the last group that it was offered.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  using Group = std::vector<LineResult>;

  [[nodiscard]] Task<void> gather();
  [[nodiscard]] Task<void> write(std::shared_ptr<const Group> group);
  void note_written(const Group& group);

  Timers& timers_;
  const StoreCaller& stores_;
  const std::string batch_;
  const Settings settings_;
  WaitSlot added_;
  WaitSlot changed_;  // a group has been written, or refused
  Group pending_;
  TimePoint pending_since_{};
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
  bool hurried_ = false;
  std::optional<Error> failure_;
};

}  // namespace rocket
