#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch_lines.h"
#include "batch/batch_metrics.h"
#include "batch/patient_store.h"

namespace rocket {

// One batch from the moment at which its lease is taken until it has ended, or is another's.
//
//   validating --good--> in_progress --all lines done, or expired--> finalizing --> completed
//       '--bad--> failed                                                  '--> expired
//   any but those that have ended --cancel--> cancelling --> cancelled
//
// What it has come to is in the store at every step, so that whoever takes it up after a crash
// goes on from there: lines with a result are never asked again. It holds the lease and extends
// it; once that is another's, everything is dropped where it stands.
//
// The lines of a batch whose engine is `ray` are not asked here but by a BlockDesk, of any gateway;
// all else about it is the same.
class BatchRun {
 public:
  // How long a lease lasts, which is how long a batch lies idle after a crash, and how often it is
  // extended. Well apart, so that a disk that takes its time loses nobody a batch.
  static constexpr Duration lease = std::chrono::seconds(5);
  static constexpr Duration lease_extended = std::chrono::milliseconds(1500);

  // `holder` has the batch's lease.
  BatchRun(const BatchSurroundings& around, StoredBatch batch, std::string holder);
  BatchRun(const BatchRun&) = delete;
  BatchRun& operator=(const BatchRun&) = delete;

  // Until the batch has ended, is another's, or stop() has had its effect. The lease is given back.
  [[nodiscard]] Task<void> run();
  // Somebody has cancelled it, perhaps.
  void look() {
    look_wanted_ = true;
    look_.signal_all();
  }
  // No line is begun any more; those that are being asked are waited for.
  void stop();

  [[nodiscard]] const StoredBatch& batch() const { return batch_; }
  [[nodiscard]] bool ended() const { return has_ended(batch_.status); }
  // Lines that it has begun and that have come to no result.
  [[nodiscard]] std::vector<std::uint32_t> unanswered() const {
    return lines_ ? lines_->unanswered() : unanswered_;
  }
  // There is nothing for it to do here at the moment: the models of its lines refuse for now, or
  // nobody has them, or it is for other gateways to ask.
  [[nodiscard]] bool waits() const { return lines_ ? lines_->waits() : awaits_others_; }
  // Why its results can not be written, while they can not.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  [[nodiscard]] Task<void> work();
  [[nodiscard]] Task<void> keep_lease();
  [[nodiscard]] Task<void> watch_expiry();
  [[nodiscard]] Task<bool> open_input();
  [[nodiscard]] Task<void> validate();
  [[nodiscard]] Task<void> answer_lines();
  [[nodiscard]] Task<void> ask_unfinished();
  [[nodiscard]] Task<void> await_others();
  [[nodiscard]] Task<void> close_unfinished();
  [[nodiscard]] Task<void> finish();
  // As it is, with the files of what its lines have come to.
  [[nodiscard]] Task<StoredBatch> with_results();
  // The id of the file that they are in then, however long that takes.
  [[nodiscard]] Task<std::string> written(BatchFiles::Results results);
  [[nodiscard]] Task<void> fail_with(std::string problems);
  [[nodiscard]] Task<std::vector<bool>> finished_lines();
  [[nodiscard]] Task<void> close(std::vector<std::uint32_t> lines);
  // Its status becomes another, unless somebody has changed it meanwhile; then it is what that has
  // made of it.
  [[nodiscard]] Task<void> change(StoredBatch next);
  [[nodiscard]] Task<void> reload();
  void take(StoredBatch batch);

  [[nodiscard]] Timers& timers() const { return around_.loop.io.timers; }
  [[nodiscard]] std::int64_t wall_seconds() const;
  [[nodiscard]] std::int64_t wall_milliseconds() const;
  [[nodiscard]] bool expired() const { return wall_seconds() >= batch_.expires_at; }

  const BatchSurroundings& around_;
  StoredBatch batch_;
  const std::string holder_;
  PatientStore store_;
  std::string trouble_;
  BatchMetrics metrics_;
  LineJournal journal_;
  std::shared_ptr<const BatchInput> input_;
  std::unique_ptr<BatchLines> lines_;
  std::vector<std::uint32_t> unanswered_;  // when it stopped asking
  WaitSlot look_;
  WaitSlot interrupted_;  // no line is to be asked any more: cancelled, or expired
  WaitSlot lost_;         // it is another's now
  bool is_lost_ = false;
  bool look_wanted_ = false;
  bool cancelled_ = false;
  bool stopping_ = false;
  bool awaits_others_ = false;
  TaskGroup tasks_;
};

}  // namespace rocket
