#pragma once

#include <algorithm>
#include <cstdint>

#include "base/rate_room.h"

namespace rocket {

// How long a request like the one that was just answered, of `tokens` that went in, would be
// refused by what the upstream's rate limits leave; zero: it would not. Until then others are
// better asked, if there are any: a limit that nobody runs into costs no answer.
[[nodiscard]] inline Duration no_room_for(const RateRoom& room, std::uint64_t tokens) {
  Duration wait{};
  const auto need = [&](const std::optional<RateRoom::Left>& left, std::uint64_t count) {
    if (left && left->count < count) wait = std::max(wait, left->resets_in);
  };
  need(room.requests, 1);
  need(room.tokens, std::max<std::uint64_t>(tokens, 1));
  need(room.tokens_out, 1);
  return wait;
}

}  // namespace rocket
