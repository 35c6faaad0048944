#include "batch/line_retry.h"

#include <algorithm>

namespace rocket {

bool may_change(int status) {
  switch (status) {
    case 408:
    case 409:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
    case 529: return true;
    default: return false;
  }
}

std::optional<Duration> LineRetry::after(const Answer& answer, Random& random) {
  if (!may_change(answer.status) && !answer.unsettled) return std::nullopt;
  const bool turned_away = !answer.asked && !answer.unsettled && answer.status != 500;
  if (!turned_away && ++failures_ >= settings_.attempts) return std::nullopt;
  const Duration longest = doubled(settings_.backoff, pauses_++, settings_.backoff_max);
  const auto pause = std::chrono::duration_cast<Duration>(longest * (0.5 + 0.5 * random.unit()));
  return std::max(pause, std::min(answer.retry_after.value_or(Duration::zero()),
                                  std::max(settings_.backoff_max, longest)));
}

}  // namespace rocket
