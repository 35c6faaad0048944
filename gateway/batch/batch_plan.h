#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "batch/batch_file.h"
#include "store/records.h"

namespace rocket {

// All lines in the order in which they are begun: those of a model together, and of these those
// that begin alike. The same for the same file, in whatever process.
[[nodiscard]] std::vector<std::uint32_t> asking_order(std::span<const IndexedLine> lines);

// In which order a batch's lines are begun: one model after the other, so that it stays in its
// server's memory, and of each model lines that begin alike together, so that the server finds
// their beginning in its cache. A model that nobody can answer now is passed over for a while.
//
// Lines that have been begun several times and never came to a result are suspected of taking the
// process down with them. They come last and one at a time, so that no other line suffers, and
// none of them is condemned because it stood beside the culprit.
//
// Pure; times are those of one clock.
class BatchPlan {
 public:
  // So often has a suspected line been begun, and so often one that is given up.
  static constexpr std::uint32_t suspected = 3;
  static constexpr std::uint32_t given_up = 6;

  // `finished` says of each line whether it has a result.
  BatchPlan(std::span<const IndexedLine> lines, const std::vector<bool>& finished,
            std::span<const BegunLine> begun);

  // How many more lines of a model there is use for.
  using Room = std::function<std::size_t(std::uint32_t model)>;
  // At most `most` lines to begin now; none: there are none, their models are held, or there is no
  // use for them.
  [[nodiscard]] std::vector<std::uint32_t> take(std::size_t most, TimePoint now,
                                                const Room& room = {});
  // A line that take() has given comes before the others of its model again. False: it is none of
  // them (but a suspected one).
  [[nodiscard]] bool give_back(std::uint32_t model, std::uint32_t line);
  // No more lines of that model before `until`. False: it has none but suspected ones.
  bool hold(std::uint32_t model, TimePoint until);
  [[nodiscard]] bool held(std::uint32_t model, TimePoint now) const;
  // When lines of a model that is held may be taken; never: none waits for that.
  [[nodiscard]] TimePoint next_at() const;
  // Lines that take() has not given yet, or that were given back.
  [[nodiscard]] std::size_t left() const { return left_; }

  // The next suspected line, and how often it has been begun; to be asked for when no other line
  // is at work.
  [[nodiscard]] std::optional<BegunLine> take_suspect();

 private:
  struct Queue {
    std::uint32_t model;
    std::vector<std::uint32_t> lines;
    std::size_t next = 0;
    TimePoint held_until{};
  };

  [[nodiscard]] Queue* queue_of(std::uint32_t model);

  std::vector<Queue> queues_;  // by their models: each line may ask for one of its own
  std::vector<BegunLine> suspects_;
  std::size_t next_suspect_ = 0;
  std::size_t left_ = 0;
};

}  // namespace rocket
