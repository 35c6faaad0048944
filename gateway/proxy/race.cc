#include "proxy/race.h"

#include <algorithm>

namespace rocket {

bool Race::has_ended() const {
  return std::ranges::any_of(running_, [](const auto& one) { return one->ended(); });
}

std::unique_ptr<RunningAttempt> Race::take_ended() {
  const auto found = std::ranges::find_if(running_, [](const auto& one) { return one->ended(); });
  if (found == running_.end()) return nullptr;
  std::unique_ptr<RunningAttempt> ended = std::move(*found);
  running_.erase(found);
  return ended;
}

void Race::call_off(TimePoint now) {
  for (const auto& one : running_)
    one->lose(now);
  running_.clear();
}

void Race::call_off(RunningAttempt& one, TimePoint now) {
  one.lose(now);
  std::erase_if(running_, [&](const auto& other) { return other.get() == &one; });
}

}  // namespace rocket
