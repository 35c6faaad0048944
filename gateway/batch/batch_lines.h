#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "batch/batch_input.h"
#include "batch/batch_plan.h"
#include "batch/batch_surroundings.h"
#include "batch/line_call.h"
#include "batch/line_journal.h"
#include "batch/line_window.h"

namespace rocket {

// Asks the lines of one batch that have no result yet, in the order of its plan, and gives what
// comes of them to its journal.
//
//   to begin --begin_lines--> ready --a place--> asked --answer--> journal
//       ^                      '     ^            ^  |'--may change--> paused --.
//       '--its model can wait--'     '--refused---|--'                          |
//                                                 '-----------------------------'
//
// Who is refused because too many are asked at once is ready again, and fewer are asked of its
// model; so is who was turned away for a while, and none of its model is asked until then. What can
// not be asked now goes back into the plan (kept_lines): models that others wait for are no reason
// to wait.
//
// A line is known to the store as begun before it is asked, so that one that takes the process
// down with it is recognised. Lines are begun and read in groups, some ahead of those that are
// asked. Destroying it calls off whatever is under way; such lines are begun and not finished.
class BatchLines {
 public:
  // All outlive it.
  BatchLines(const BatchSurroundings& around, const StoredBatch& batch,
             std::shared_ptr<const BatchInput> input, BatchPlan plan, LineJournal& journal);
  BatchLines(const BatchLines&) = delete;
  BatchLines& operator=(const BatchLines&) = delete;

  // Until all lines have come to a result, or, after stop(), those that are being asked.
  [[nodiscard]] Task<void> run();
  // No line is begun any more.
  void stop();
  // It could ask more lines if it were not for their models: these refuse them for now, or nobody
  // has them.
  [[nodiscard]] bool waits() const;
  // Lines that have been begun and have come to no result.
  [[nodiscard]] std::vector<std::uint32_t> unanswered() const {
    return {unanswered_.begin(), unanswered_.end()};
  }

 private:
  struct Ready {
    std::uint32_t line = 0;
    std::string text;
    std::optional<LineRetry> retry{};  // what has come of it before
  };

  class UnderWay;

  [[nodiscard]] bool over() const;
  [[nodiscard]] bool may_start() const;
  [[nodiscard]] bool has_place() const;
  [[nodiscard]] std::size_t places_of(std::uint32_t model) const;
  [[nodiscard]] bool has_turn(std::uint32_t line) const;
  [[nodiscard]] bool can_start(const Ready& ready) const;
  [[nodiscard]] std::size_t startable_lines() const;
  [[nodiscard]] std::size_t ready_bytes() const;
  [[nodiscard]] TimePoint next_look() const;
  void start();
  void make_ready_again();
  void give_back(std::vector<Ready> lines);
  [[nodiscard]] std::vector<std::uint32_t> take(std::size_t startable);
  void fetch_if_due();
  [[nodiscard]] Task<void> fetch();
  [[nodiscard]] std::vector<std::uint32_t> next_group();
  [[nodiscard]] Task<void> begin(std::vector<std::uint32_t> group);
  [[nodiscard]] Task<std::vector<std::string>> read(std::vector<std::uint32_t> group);
  [[nodiscard]] Task<void> fetch_suspect();
  [[nodiscard]] Task<void> answer(Ready ready);
  [[nodiscard]] Task<void> watch_places();
  void conclude(LineResult result, std::optional<LinePlaces::Place> place = std::nullopt);
  [[nodiscard]] LineRetry::Settings retry_settings() const;
  [[nodiscard]] TimePoint now() const { return around_.loop.io.timers.now(); }

  const BatchSurroundings& around_;
  const StoredBatch& batch_;
  const std::shared_ptr<const BatchInput> input_;  // shared with what reads it
  const Operation operation_;
  BatchPlan plan_;
  LineJournal& journal_;
  LinePlaces::Sharer sharer_;
  const Gauge in_flight_;
  WaitSlot changed_;
  std::deque<std::uint32_t> to_begin_;  // taken from the plan
  std::deque<Ready> ready_;
  std::deque<Ready> refused_;                              // to be ready again
  std::unordered_map<std::uint32_t, LineWindow> windows_;  // by model
  std::unordered_map<std::uint32_t, LineRetry> retries_;   // of lines that were given back
  std::unordered_set<std::uint32_t> unanswered_;
  std::size_t under_way_ = 0;  // being asked or paused
  std::size_t under_way_bytes_ = 0;
  bool fetching_ = false;
  bool no_suspects_ = false;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace rocket
