#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch_run.h"

namespace rocket {

// Works on the batches of the store that nobody else works on: takes their leases, has each done
// by a BatchRun, and looks for more. One of a process; belongs to one loop.
class BatchEngine {
 public:
  // How often it looks for batches that wait, or whose gateway has died.
  static constexpr Duration look_every = std::chrono::seconds(1);

  // So many times `batch.batches` it has at once, together with those that wait.
  static constexpr std::uint32_t with_waiting = 8;

  // Whether there is a store to look into; asked each time, so cheap.
  using IsThere = std::function<bool()>;

  // `holder` is the name of this process in leases, and no other's. `around` outlives it.
  BatchEngine(
      const BatchSurroundings& around, std::string holder, IsThere is_there = [] { return true; });
  BatchEngine(const BatchEngine&) = delete;
  BatchEngine& operator=(const BatchEngine&) = delete;

  // Until drain().
  [[nodiscard]] Task<void> run();
  // There may be something to do: a batch is new, or has been cancelled.
  void look();
  // Begins nothing any more, waits for the lines that are being asked, writes down what came of
  // them and gives the leases back; what is left at `deadline` is called off.
  [[nodiscard]] Task<void> drain(TimePoint deadline);

  [[nodiscard]] std::size_t running() const { return runs_.size(); }
  // What the results of a batch wait for, such as room on a disk; empty: for nothing.
  [[nodiscard]] std::string trouble() const;

 private:
  // How many more batches it may take.
  [[nodiscard]] std::uint32_t room() const;
  [[nodiscard]] Task<void> take_leases();
  [[nodiscard]] Task<void> work_on(BatchRun& run);
  void call_off(const BatchRun& run);
  [[nodiscard]] Task<void> unbegin(std::string id, std::vector<std::uint32_t> lines);
  [[nodiscard]] Timers& timers() const { return around_.loop.io.timers; }

  const BatchSurroundings& around_;
  const std::string holder_;
  const IsThere is_there_;
  WaitSlot look_;
  WaitSlot ended_;
  bool look_wanted_ = false;
  bool draining_ = false;
  bool trouble_told_ = false;
  std::map<std::string, std::unique_ptr<BatchRun>> runs_;  // by the batch's id
  TaskGroup tasks_;
};

}  // namespace rocket
