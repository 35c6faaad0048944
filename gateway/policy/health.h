#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace rocket {

// What is known of an endpoint from its probes. (`cold`, `busy`, `degraded` and `draining` come
// with the signals that tell them apart.)
enum class Verdict : unsigned char { unknown, healthy, unhealthy };
[[nodiscard]] std::string_view to_string(Verdict verdict);

// Turns single probes into a verdict, so that one lost packet takes nothing out of service.
//
//   unknown --good--> healthy --`fall` bad in a row--> unhealthy --`rise` good in a row--> healthy
//        '--bad--> unhealthy
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
  // `why`: what the probe failed with.
  void record_bad(ErrorCode why);

  [[nodiscard]] Verdict verdict() const { return verdict_; }
  // What the last probe failed with; meaningful while unhealthy.
  [[nodiscard]] ErrorCode reason() const { return reason_; }

  void set(Settings settings) { settings_ = settings; }

 private:
  Settings settings_;
  Verdict verdict_ = Verdict::unknown;
  ErrorCode reason_ = ErrorCode::internal;
  std::uint32_t good_in_a_row_ = 0;
  std::uint32_t bad_in_a_row_ = 0;
};

}  // namespace rocket
