#include "policy/answer_times.h"

#include <algorithm>
#include <cmath>

namespace rocket {
namespace {

constexpr double step_factor = 1.25;
constexpr double first_step = 0.001;  // seconds
constexpr double fade_seconds = 10;   // to 1/e
constexpr double share_of_new = 0.2;
constexpr double usual_seconds = 300;

}  // namespace

void AnswerTimes::record(Duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const double step =
      seconds <= first_step ? 0 : std::ceil(std::log(seconds / first_step) / std::log(step_factor));
  ++counts_[std::min(static_cast<size_t>(step), steps - 1)];
  if (++total_ >= kept) {
    total_ = 0;
    for (std::uint16_t& count : counts_) {
      count /= 2;
      total_ += count;
    }
  }
  if (total_ % looked_at_each == 0) p95_ = find_p95();
}

Duration AnswerTimes::find_p95() const {
  std::uint32_t above = total_ / 20;
  size_t step = steps - 1;
  while (step > 0 && counts_[step] <= above)
    above -= counts_[step--];
  const double seconds = first_step * std::pow(step_factor, static_cast<double>(step));
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

void FadingAverage::record(Duration value, TimePoint now) {
  const double seconds = std::chrono::duration<double>(value).count();
  const double before = std::chrono::duration<double>(this->value(now)).count();
  seconds_ = before == 0 ? seconds : before + share_of_new * (seconds - before);
  at_ = now;
}

Duration FadingAverage::value(TimePoint now) const {
  const double age = std::chrono::duration<double>(now - at_).count();
  const double seconds = seconds_ * std::exp(-age / fade_seconds);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

void UsualTime::record(Duration value, TimePoint now) {
  const double age = std::chrono::duration<double>(now - at_).count();
  values_ = std::min(values_ + 1, values_min);
  // The first ones count alike.
  const double by_age = 1 - std::exp(-std::max(age, 0.0) / usual_seconds);
  const double share = values_ < values_min ? 1.0 / values_ : by_age;
  seconds_ += share * (std::chrono::duration<double>(value).count() - seconds_);
  at_ = now;
}

Duration UsualTime::value() const {
  if (values_ < values_min) return Duration::zero();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_));
}

}  // namespace rocket
