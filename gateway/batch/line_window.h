#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace rocket {

// How many lines of one model are asked at once of whoever refuses those that are too many: a
// congestion window. Without a refusal there is none. A place comes free when a line is answered,
// so nobody stays away for a time, but for a moment where others have all places.
//
// A refusal tells how many there are, for all who share them: never more are asked. Several that
// come of the same burst count as one. Where others have some, it shrinks to what is left, and
// grows by one now and then to see whether that is more by now. Pure: the clock is passed in.
class LineWindow {
 public:
  static constexpr Duration pause_least = std::chrono::milliseconds(20);
  static constexpr Duration pause_most = std::chrono::seconds(1);
  // So long what has been told counts: there may be more by then.
  static constexpr Duration told_for = std::chrono::seconds(60);
  // It grows by one when so many times as many as it holds have been answered.
  static constexpr std::size_t answers_to_grow = 4;

  // A line that is being asked.
  class Asking {
   public:
    Asking(LineWindow& window, TimePoint now) : window_(window), asked_at_(now) {
      ++window_.asked_;
    }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    ~Asking() { --window_.asked_; }

    // One of these, once; neither if nobody was asked.
    void answered(TimePoint now) { window_.grow(now); }
    // There are `places` at once.
    void refused(std::size_t places, TimePoint now) {
      if (asked_at_ > window_.shrunk_at_) window_.shrink(std::max<std::size_t>(places, 1), now);
    }

   private:
    LineWindow& window_;
    TimePoint asked_at_;
  };

  // Another line may be asked.
  [[nodiscard]] bool open(TimePoint now) const { return asked_ < size_ && now >= paused_until_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  // As good as a new one.
  [[nodiscard]] bool pristine() const { return size_ == unbounded && asked_ == 0; }

 private:
  static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

  void grow(TimePoint now) {
    pause_ = Duration::zero();
    if (size_ == unbounded || ++answers_ < answers_to_grow * size_) return;
    answers_ = 0;
    if (size_ < places_ || now - told_at_ >= told_for) ++size_;
  }

  void shrink(std::size_t places, TimePoint now) {
    shrunk_at_ = told_at_ = now;
    places_ = places;
    answers_ = 0;
    const std::size_t others = asked_ - 1;  // ours that have not been refused
    size_ = std::clamp<std::size_t>(std::min(size_ - 1, others), 1, places);
    if (others != 0) return;
    pause_ = std::clamp(2 * pause_, pause_least, pause_most);
    paused_until_ = now + pause_;
  }

  std::size_t asked_ = 0;
  std::size_t size_ = unbounded;
  std::size_t places_ = unbounded;
  std::size_t answers_ = 0;  // since it changed last
  TimePoint shrunk_at_ = TimePoint::min();
  TimePoint told_at_{};
  Duration pause_{};
  TimePoint paused_until_ = TimePoint::min();
};

}  // namespace rocket
