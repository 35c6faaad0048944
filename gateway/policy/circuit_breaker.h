#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace rocket {

enum class BreakerState : unsigned char { closed, half_open, open };
[[nodiscard]] std::string_view to_string(BreakerState state);

// Whether an endpoint is worth a request, judged by what came of those that it was sent
// (Nygard, Release It!, "Circuit Breaker").
//
//   closed --`consecutive` failures in a row, or too many of the last ones--> open
//        (failures, and requests that were given up in silence while others were answered)
//   open --its time is over--> half_open --`trials` at a time; one answers--> closed
//                                  '--one fails--> open, for twice as long as before
//
// What was sent before failures opened it is part of the same story: how that ends, however late,
// neither closes it nor opens it again. What was sent nevertheless since then, and is answered,
// closes it as a trial does, and a stream that begins makes it half open; not while the upstream
// has asked to be left alone. Whoever did is asked by nobody but trials afterwards, so it is
// trusted again as soon as one begins to be answered, and while one takes long, others follow. They
// do anywhere, a second apart, once a stream has begun: its end may be minutes away.
//
// Only what the upstream is to blame for may be recorded as a failure: never a client that hung
// up, never our own overload. Pure: the clock is passed in.
class CircuitBreaker {
 public:
  struct Settings {
    std::uint32_t consecutive = 5;
    double error_rate = 0.5;          // of the requests of the last `window`...
    std::uint32_t min_requests = 20;  // ...if there were so many
    Duration open = std::chrono::seconds(5);
    Duration open_max = std::chrono::seconds(60);
    std::uint32_t trials = 1;
  };
  static constexpr Duration window = std::chrono::seconds(10);
  // Who refuses does so at once: a trial that takes longer keeps no other away.
  static constexpr Duration refusal_time = std::chrono::seconds(1);

  explicit CircuitBreaker(Settings settings) : settings_(settings) {}
  void set(Settings settings) { settings_ = settings; }

  [[nodiscard]] BreakerState state(TimePoint now) const;
  // Nothing is held against the endpoint: it is as good as a new one.
  [[nodiscard]] bool pristine() const {
    const Counts counts = of_late();
    return opened_times_ == 0 && counts.bad == 0 && counts.silent == 0 && trials_out_ == 0;
  }
  // While open: when it may be tried again.
  [[nodiscard]] TimePoint open_until() const { return open_until_; }
  // The upstream has named a time to stay away, and that is not over; or it was that time which
  // kept it open to the end, and nobody has found out yet what it is like now.
  [[nodiscard]] bool asked_to_wait(TimePoint now) const {
    return opened_times_ != 0 && (now < asked_until_ || asked_until_ >= open_until_);
  }

  // It was sent before failures opened it last.
  [[nodiscard]] bool is_past(TimePoint sent) const { return sent < failed_at_; }

  // `sent`: when the request was that ends now.
  void record_success(TimePoint sent, TimePoint now);
  void record_failure(TimePoint sent, TimePoint now);
  // A request was given up there because it had heard nothing, while others were answered: some of
  // what is sent there vanishes. Counts among the last ones; never in a row, nor as a trial.
  void record_silence(TimePoint sent, TimePoint now);
  // A request begins to be answered, whatever will come of it: streams are a success only at their
  // end, and until then whoever was given up is not to be compared with nobody.
  void record_answer(TimePoint now);
  // A stream that was sent at `sent` has got its first content. Whatever will come of it, whoever
  // had asked to be left alone takes requests again.
  void record_begun(TimePoint sent, TimePoint now);
  // The upstream wants nothing before `until` (429 or 503 with Retry-After). A time that is over
  // sooner than one that stands shortens nothing.
  void stay_away(TimePoint now, TimePoint until);

  // It can not answer, as is known without having asked it: opens it for `open`, unless it is
  // open already.
  void open(TimePoint now) {
    if (state(now) != BreakerState::open) open_from(now);
  }

  // While half open: a request may be sent to find out. Each trial taken is returned once.
  [[nodiscard]] bool trial_free(TimePoint now) const {
    if (state(now) != BreakerState::half_open) return false;
    return trials_out_ < settings_.trials ||
           ((begun_ || asked_to_wait(now)) && now >= deadline_after(tried_at_, refusal_time));
  }
  [[nodiscard]] bool take_trial(TimePoint now);
  void return_trial() {
    if (trials_out_ != 0) --trials_out_;
  }

 private:
  struct Counts {
    std::uint32_t good = 0;
    std::uint32_t bad = 0;
    std::uint32_t silent = 0;
    std::uint32_t answered = 0;  // good, bad, or not known yet
  };

  [[nodiscard]] Counts of_late() const {
    return {recent_.good + older_.good, recent_.bad + older_.bad, recent_.silent + older_.silent,
            recent_.answered + older_.answered};
  }
  void close();
  void turn_window(TimePoint now);
  [[nodiscard]] bool too_many() const;
  void open_from(TimePoint now);

  Settings settings_;
  std::uint32_t in_a_row_ = 0;
  // Two halves of the window, so that old counts leave it in two steps.
  Counts recent_;
  Counts older_;
  TimePoint recent_since_{};
  // In a row, without a success in between; each doubles the time.
  std::uint32_t opened_times_ = 0;
  TimePoint opened_at_{};
  TimePoint failed_at_{};  // when failures opened it last
  TimePoint open_until_{};
  TimePoint asked_until_{};
  std::uint32_t trials_out_ = 0;
  TimePoint tried_at_{};  // when the last trial was taken
  bool begun_ = false;    // a stream that was sent since it opened last has got its first content
};

}  // namespace rocket
