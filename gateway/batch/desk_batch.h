#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batch/batch_lines.h"
#include "batch/batch_metrics.h"
#include "batch/block_range.h"
#include "batch/patient_store.h"

namespace rocket {

// One batch of a BlockDesk: its file and index, read once, and the journal of what comes of its
// lines, which outlives the blocks: an answer that has come is written, whoever has hung up.
class DeskBatch {
 public:
  enum class End : unsigned char {
    done,      // all lines of the block have a result, which is written
    ended,     // the batch is not in progress any more: its lines have been called off
    replaced,  // the same, because another driver gives out its blocks now
    stopped,   // this gateway goes; what it was asking is written, the rest is for another one
  };

  // `around` outlives it.
  DeskBatch(const BatchSurroundings& around, StoredBatch batch);
  DeskBatch(const DeskBatch&) = delete;
  DeskBatch& operator=(const DeskBatch&) = delete;

  // Until its file is open. False: it can not be, which its holder will find out, too.
  [[nodiscard]] Task<bool> opened();
  [[nodiscard]] std::size_t lines() const { return order_.size(); }
  // The places of lines without a result.
  [[nodiscard]] Task<std::vector<BlockRange>> unfinished();
  // A batch's drivers have numbers, and the one with the highest is in charge: blocks of those
  // before it are called off.
  void meet_driver(std::uint32_t driver);
  // Asks the lines of `range` that have no result. Destroyed, it calls off what it asks. It has
  // to be opened.
  [[nodiscard]] Task<End> work(BlockRange range, std::uint32_t driver);
  // No line is begun any more.
  void stop();

  [[nodiscard]] const StoredBatch& batch() const { return batch_; }
  // Nobody works on it, and all that was to be written is.
  [[nodiscard]] bool idle() const;
  [[nodiscard]] TimePoint used_at() const { return used_at_; }

 private:
  class Working;

  [[nodiscard]] Task<void> open();
  [[nodiscard]] Task<void> watch();
  [[nodiscard]] Task<BatchPlan> plan(BlockRange range);
  [[nodiscard]] Task<std::vector<bool>> finished_lines();
  void call_off();
  [[nodiscard]] Task<void> unbegin(std::vector<std::uint32_t> lines);
  [[nodiscard]] Timers& timers() const { return around_.loop.io.timers; }

  enum class Opening : unsigned char { under_way, good, failed };

  const BatchSurroundings& around_;
  const StoredBatch batch_;
  PatientStore store_;
  BatchMetrics metrics_;
  LineJournal journal_;
  Opening opening_ = Opening::under_way;
  std::shared_ptr<const BatchInput> input_;
  std::vector<std::uint32_t> order_;
  WaitSlot opened_;
  std::uint32_t driver_ = 0;  // in charge
  bool has_ended_ = false;
  bool stopping_ = false;
  std::vector<Working*> working_;
  TimePoint used_at_;
  TaskGroup tasks_;
};

}  // namespace rocket
