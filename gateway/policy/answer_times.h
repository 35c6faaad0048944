#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace rocket {

// How long the answers to one sort of request have taken lately, kept to tell when one is late.
//
// A histogram over a logarithmic scale, 1 ms to 10 minutes in steps of a quarter; old answers
// lose weight by halving all counts now and then. 120 bytes, no allocation. Pure.
class AnswerTimes {
 public:
  // With fewer answers nothing can be said.
  static constexpr std::uint32_t answers_min = 20;

  void record(Duration time);

  // What 95 of 100 answers stay below, to within a step; none before `answers_min` answers.
  [[nodiscard]] std::optional<Duration> p95() const {
    return total_ < answers_min ? std::nullopt : std::optional(p95_);
  }

 private:
  static constexpr size_t steps = 60;
  static constexpr std::uint32_t kept = 512;
  // It is found anew for so many answers, not for each.
  static constexpr std::uint32_t looked_at_each = 10;

  [[nodiscard]] Duration find_p95() const;

  std::array<std::uint16_t, steps> counts_{};
  std::uint32_t total_ = 0;
  Duration p95_{};
};

// An average that forgets: each new value counts for a fifth, and a value that is not renewed
// fades, so that an endpoint that was slow is given another chance. Pure.
class FadingAverage {
 public:
  void record(Duration value, TimePoint now);
  // 0: nothing is known, or it has faded.
  [[nodiscard]] Duration value(TimePoint now) const;

 private:
  double seconds_ = 0;
  TimePoint at_{};
};

// What is usual: an average that a value changes the less the more there are, and that keeps
// following slowly: of a lasting change nearly two thirds in five minutes. Pure.
class UsualTime {
 public:
  // With fewer values nothing is usual yet.
  static constexpr std::uint32_t values_min = 20;

  void record(Duration value, TimePoint now);
  // 0: not known yet.
  [[nodiscard]] Duration value() const;

 private:
  double seconds_ = 0;
  std::uint32_t values_ = 0;
  TimePoint at_{};
};

}  // namespace rocket
