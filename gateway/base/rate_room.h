#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace rocket {

// What an upstream says with an answer of what its rate limits leave until they are reset.
struct RateRoom {
  struct Left {
    std::uint64_t count = 0;
    Duration resets_in{};

    [[nodiscard]] bool operator==(const Left&) const = default;
  };
  std::optional<Left> requests{};
  std::optional<Left> tokens{};  // that go in; of several limits the tightest
  std::optional<Left> tokens_out{};

  [[nodiscard]] bool operator==(const RateRoom&) const = default;
};

}  // namespace rocket
