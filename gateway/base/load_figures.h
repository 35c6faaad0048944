#pragma once

#include <cstdint>

namespace rocket {

// How busy a server says it is, all its clients together. Small enough for one atomic.
struct LoadFigures {
  static constexpr std::uint16_t untold = 0xffff;

  std::uint16_t waiting = untold;  // requests in its queue
  std::uint16_t running = untold;
  std::uint16_t slots = untold;           // how many can run at once
  std::uint16_t cache_permille = untold;  // of its KV cache in use

  [[nodiscard]] bool operator==(const LoadFigures&) const = default;
  [[nodiscard]] bool told() const { return *this != LoadFigures{}; }
};
static_assert(sizeof(LoadFigures) == 8);

}  // namespace rocket
