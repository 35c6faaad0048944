#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace rocket {

// What is known of an endpoint. A probe alone tells unknown, healthy, cold, unhealthy and draining;
// policy/assessment adds what signals and requests tell.
enum class Verdict : unsigned char {
  unknown,    // not asked yet
  healthy,    // answers
  cold,       // alive, but has to load a model before it can answer
  busy,       // answers, but whoever comes now waits
  degraded,   // answers, but worse than its siblings, or its breaker is not closed
  unhealthy,  // its probes fail
  draining,   // finishes what it has, and wants nothing new
};
[[nodiscard]] std::string_view to_string(Verdict verdict);
// Somebody answers there.
[[nodiscard]] constexpr bool is_alive(Verdict verdict) {
  return verdict != Verdict::unknown && verdict != Verdict::unhealthy;
}

// Turns single probes into a verdict, so that one lost packet takes nothing out of service. What a
// server says about itself needs no second word.
//
//   unknown --good--> healthy --`fall` bad in a row--> unhealthy --`rise` good in a row--> healthy
//        '--bad--> unhealthy
//   any --it says that it loads, or drains--> cold, draining --good--> healthy
//                                                    '--`fall` bad in a row--> unhealthy
//
// Pure; owned by the loop that probes.
class HealthTracker {
 public:
  struct Settings {
    std::uint32_t rise = 1;
    std::uint32_t fall = 3;
  };

  explicit HealthTracker(Settings settings) : settings_(settings) {}

  void record_good();
  void record_loading() { record_word(Verdict::cold); }
  void record_draining() { record_word(Verdict::draining); }
  // `why`: what the probe failed with.
  void record_bad(ErrorCode why);

  [[nodiscard]] Verdict verdict() const { return verdict_; }
  // What the last probe failed with; meaningful while unhealthy.
  [[nodiscard]] ErrorCode reason() const { return reason_; }

  void set(Settings settings) { settings_ = settings; }

 private:
  void record_word(Verdict verdict);

  Settings settings_;
  Verdict verdict_ = Verdict::unknown;
  ErrorCode reason_ = ErrorCode::internal;
  std::uint32_t good_in_a_row_ = 0;
  std::uint32_t bad_in_a_row_ = 0;
};

}  // namespace rocket
