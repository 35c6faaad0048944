#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "batch/batch_lines.h"

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

 private:
  [[nodiscard]] Task<void> work();
  [[nodiscard]] Task<void> keep_lease();
  [[nodiscard]] Task<void> watch_expiry();
  [[nodiscard]] Task<bool> open_input();
  [[nodiscard]] Task<std::shared_ptr<InputReading>> read_input(std::unique_ptr<BatchSource> source);
  [[nodiscard]] Task<void> validate();
  [[nodiscard]] Task<void> answer_lines();
  [[nodiscard]] Task<void> ask_unfinished();
  [[nodiscard]] Task<void> expire_unfinished();
  [[nodiscard]] Task<void> finish();
  [[nodiscard]] Task<void> fail_with(std::string problems);
  [[nodiscard]] Task<std::vector<bool>> finished_lines();
  [[nodiscard]] Task<void> expire(std::vector<std::uint32_t> lines);
  // Its status becomes another, unless somebody has changed it meanwhile; then it is what that has
  // made of it.
  [[nodiscard]] Task<void> change(StoredBatch next);
  [[nodiscard]] Task<void> reload();
  // The store's answer, however long it takes to get one.
  template <class Ask>
  [[nodiscard]] auto insist(Ask ask)
      -> Task<typename std::invoke_result_t<Ask&, Store&>::value_type>;
  void note_trouble(Error error);
  [[nodiscard]] Task<void> wait_out(Error error);

  [[nodiscard]] Timers& timers() const { return around_.loop.io.timers; }
  [[nodiscard]] std::int64_t wall_seconds() const;
  [[nodiscard]] std::int64_t wall_milliseconds() const;
  [[nodiscard]] bool expired() const { return wall_seconds() >= batch_.expires_at; }

  const BatchSurroundings& around_;
  StoredBatch batch_;
  const std::string holder_;
  LineJournal journal_;
  std::shared_ptr<const BatchInput> input_;
  std::unique_ptr<BatchLines> lines_;
  std::optional<Error> trouble_;  // why it does not get on, if the store is what keeps it
  WaitSlot look_;
  WaitSlot interrupted_;  // no line is to be asked any more: cancelled, or expired
  WaitSlot lost_;         // it is another's now
  bool is_lost_ = false;
  bool look_wanted_ = false;
  bool cancelled_ = false;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace rocket
