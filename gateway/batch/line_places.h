#pragma once

#include <algorithm>
#include <cstddef>

#include "base/waiter.h"
#include "proxy/loop_state.h"

namespace rocket {

// How many lines of all batches of one loop may be asked at once: not more than
// `batch.lines_in_flight`, of which each batch has its share, and not more than the lane lets
// begin. A line waits in its lane like any other request, but a queue full of them would say
// nothing else to the clients of that lane than that they are late.
class LinePlaces {
 public:
  explicit LinePlaces(LoopState& loop) : loop_(loop), freed_(loop.io.timers.run_queue()) {}
  LinePlaces(const LinePlaces&) = delete;
  LinePlaces& operator=(const LinePlaces&) = delete;

  // A batch that has lines, or several prompts of one request.
  class Sharer {
   public:
    explicit Sharer(LinePlaces& places) : places_(places) { ++places_.sharers_; }
    Sharer(const Sharer&) = delete;
    Sharer& operator=(const Sharer&) = delete;
    ~Sharer() {
      --places_.sharers_;
      places_.freed_.signal_all();
    }

    [[nodiscard]] LinePlaces& places() { return places_; }
    // Lines of this one that are being asked.
    [[nodiscard]] std::size_t taken() const { return taken_; }
    // Another one may be asked now.
    [[nodiscard]] bool free() const {
      const std::size_t most = places_.most();
      const std::size_t share = std::max<std::size_t>(most / places_.sharers_, 1);
      return taken_ < share && places_.taken_ < std::max(most, places_.sharers_) &&
             (taken_ < few || places_.loop_.admission.waiting(Lane::batch) < few);
    }

   private:
    friend class LinePlaces;
    LinePlaces& places_;
    std::size_t taken_ = 0;
  };

  // One line while it is being asked.
  class Place {
   public:
    explicit Place(Sharer& sharer) : sharer_(sharer) {
      ++sharer_.taken_;
      ++sharer_.places_.taken_;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      --sharer_.taken_;
      --sharer_.places_.taken_;
      sharer_.places_.freed_.signal_all();
    }

   private:
    Sharer& sharer_;
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
};

}  // namespace rocket
