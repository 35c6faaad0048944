#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/random.h"

namespace rocket {

// Whether a line of a batch is asked again after what it was answered, and when. One per line;
// pure.
//
// An exchange has tried whom there is already, so this is about time: what is overloaded or down
// now may answer later. A request that nobody was asked with (no place, nobody up, a limit of the
// key) costs nothing; one that failed costs one of `attempts`; one that was refused (4xx but 408,
// 409, 425 and 429) would be again. A model that nobody is known to have may be that of a server
// which is away: that costs attempts as well.
class LineRetry {
 public:
  struct Settings {
    std::uint32_t attempts = 5;
    Duration backoff = std::chrono::seconds(1);
    Duration backoff_max = std::chrono::seconds(60);
  };
  struct Answer {
    int status = 0;
    bool asked = false;  // a backend was, and heard it
    std::optional<Duration> retry_after{};
    bool unsettled = false;  // it is not known yet who could answer
  };

  explicit LineRetry(Settings settings) : settings_(settings) {}

  // How long to wait before it is asked again: between half of a time that doubles and all of it,
  // and not less than it was told. Nothing: it has been answered.
  [[nodiscard]] std::optional<Duration> after(const Answer& answer, Random& random);

 private:
  Settings settings_;
  std::uint32_t failures_ = 0;
  std::uint32_t pauses_ = 0;
};

// Whether another time may bring another answer.
[[nodiscard]] bool may_change(int status);

}  // namespace rocket
