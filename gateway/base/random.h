#pragma once

#include <cstdint>

#include "base/assert.h"

namespace rocket {

// A small seeded generator (splitmix64; Steele, Lea and Flood, 2014): the same seed gives the
// same numbers everywhere, so a simulated run can be repeated. For jitter, picks and tests;
// never for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  [[nodiscard]] std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
  }

  // 0 to bound - 1, each as likely as the others. `bound` is not 0.
  [[nodiscard]] std::uint64_t uniform(std::uint64_t bound) {
    ROCKET_ASSERT(bound != 0);
    // The lowest 2^64 mod bound numbers would favour the small remainders.
    const std::uint64_t biased = (0 - bound) % bound;
    std::uint64_t number = next();
    while (number < biased)
      number = next();
    return number % bound;
  }

  // At least 0, less than 1.
  [[nodiscard]] double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace rocket
