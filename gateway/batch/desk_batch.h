#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch_lines.h"
#include "batch/batch_metrics.h"
#include "batch/block_range.h"
#include "batch/patient_store.h"

namespace rocket {

// What there is to see of a block while it is worked on.
class BlockView {
 public:
  // It could ask more lines if it were not for their models.
  [[nodiscard]] bool waits() const { return lines_ != nullptr && lines_->waits(); }

 private:
  friend class DeskBatch;
  const BatchLines* lines_ = nullptr;
};

// One batch of a BlockDesk: its file and index, read once, and the journal of what comes of its
// lines, which outlives the blocks: an answer that has come is written, whoever has hung up.
//
// Its job is had by one driver at a time, of all gateways that share the store; it is the gateways
// who say in the store that they work for it, as long as they have blocks of it. A driver that has
// died is forgotten so when the last of its blocks has been called off.
class DeskBatch {
 public:
  // How long a driver has the job after somebody has worked for it.
  static constexpr Duration job_lease = std::chrono::seconds(5);

  enum class End : unsigned char {
    done,      // all lines of the block have a result, which is written
    ended,     // the batch is not in progress any more: its lines have been called off
    replaced,  // the same, because another driver has the batch's job
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
  // Those at which the lines of another model begin.
  [[nodiscard]] std::vector<std::uint32_t> models() const;
  // That driver has the job from now on, and what others have given out here is called off. False:
  // another one has it.
  [[nodiscard]] Task<bool> take_job(JobDriver driver);
  // Takes the job, and asks the lines of `range` that have no result. Destroyed, it calls off what
  // it asks. It has to be opened; `view` outlives it.
  [[nodiscard]] Task<End> work(BlockRange range, JobDriver driver, BlockView& view);
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
  [[nodiscard]] Task<void> look();
  struct Lease {
    std::int64_t now;
    std::int64_t until;
  };
  [[nodiscard]] Lease lease() const;
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
  JobDriver driver_;  // for whom is worked
  bool has_ended_ = false;
  bool stopping_ = false;
  std::vector<Working*> working_;
  TimePoint used_at_;
  TaskGroup tasks_;
};

}  // namespace rocket
