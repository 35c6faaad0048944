#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "base/waiter.h"
#include "proxy/loop_state.h"

namespace rocket {

// How many lines of all batches of one loop may be asked at once: not more than
// `batch.lines_in_flight`, of which each batch has its share, and not more than the lane lets
// begin. A line waits in its lane like any other request, but a queue full of them would say
// nothing else to the clients of that lane than that they are late.
//
// A line that has been answered keeps its place until its result is written: a crash repeats what
// has one, and so never more than that.
class LinePlaces {
 public:
  explicit LinePlaces(LoopState& loop) : loop_(loop), freed_(loop.io.timers.run_queue()) {}
  LinePlaces(const LinePlaces&) = delete;
  LinePlaces& operator=(const LinePlaces&) = delete;

 private:
  struct Share {
    explicit Share(LinePlaces& of) : places(of) {}
    LinePlaces& places;
    std::size_t asked = 0;
    std::size_t taken = 0;  // those that are asked, and those whose results are not written
  };

 public:
  // A batch that has lines, or several prompts of one request. Its places may outlive it.
  class Sharer {
   public:
    explicit Sharer(LinePlaces& places) : share_(std::make_shared<Share>(places)) {
      ++places.sharers_;
    }
    Sharer(const Sharer&) = delete;
    Sharer& operator=(const Sharer&) = delete;
    ~Sharer() {
      rest(true);
      --share_->places.resting_;
      --share_->places.sharers_;
    }

    // It has no line that could be asked now: its share is the others' meanwhile.
    void rest(bool resting) {
      if (resting == resting_) return;
      resting_ = resting;
      LinePlaces& places = share_->places;
      if (!resting) {
        --places.resting_;
        return;
      }
      ++places.resting_;
      places.freed_.signal_all();
    }

    // Lines of this one that are being asked.
    [[nodiscard]] std::size_t asked() const { return share_->asked; }
    // Another one may be asked now.
    [[nodiscard]] bool free() const {
      return !full() &&
             (asked() < few || share_->places.loop_.admission.waiting(Lane::batch) < few);
    }
    // None may, and results of this one have places that come free when they are written.
    [[nodiscard]] bool awaits_writing() const { return share_->taken > share_->asked && full(); }

   private:
    friend class LinePlaces;

    [[nodiscard]] bool full() const {
      const LinePlaces& places = share_->places;
      const std::size_t most = places.most();
      const std::size_t sharing = std::max<std::size_t>(places.sharers_ - places.resting_, 1);
      return share_->taken >= std::max<std::size_t>(most / sharing, 1) ||
             places.taken_ >= std::max(most, places.sharers_);
    }

    const std::shared_ptr<Share> share_;
    bool resting_ = false;
  };

  // One line from being asked until its result is written.
  class Place {
   public:
    explicit Place(Sharer& sharer) : share_(sharer.share_) {
      ++share_->asked;
      ++share_->taken;
      ++share_->places.taken_;
    }
    Place(Place&& other) noexcept
        : share_(std::move(other.share_)), answered_(std::exchange(other.answered_, true)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (!share_) return;
      answered();
      --share_->taken;
      --share_->places.taken_;
      share_->places.freed_.signal_all();
    }

    // It is not being asked any more.
    void answered() {
      if (!std::exchange(answered_, true)) --share_->asked;
    }

   private:
    std::shared_ptr<Share> share_;
    bool answered_ = false;
  };

  [[nodiscard]] std::size_t most() const {
    return loop_.current->snapshot->config.batch.lines_in_flight;
  }
  // Signalled whenever a place comes free.
  [[nodiscard]] WaitSlot& freed() { return freed_; }

 private:
  // So many may wait in the lane, or be asked whoever waits there.
  static constexpr std::size_t few = 8;

  LoopState& loop_;
  WaitSlot freed_;
  std::size_t taken_ = 0;
  std::size_t sharers_ = 0;
  std::size_t resting_ = 0;  // of these
};

}  // namespace rocket
