#include "proxy/shared_breaker.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};
constexpr CircuitBreaker::Settings settings{.consecutive = 2, .open = 5s};

BreakerState state(const SharedBreaker& breaker, TimePoint now) {
  return breaker.standing(now).state;
}

TEST(SharedBreaker, HoldsSilenceAgainstWhoAnswersNobody) {
  SharedBreaker breaker;
  breaker.note_answer(start + 1s);
  breaker.record_unanswered(start, start + 2s, settings);
  breaker.record_unanswered(start + 1s, start + 2s, settings);
  breaker.record_unanswered(start + 1500ms, start + 2s, settings);
  EXPECT_EQ(state(breaker, start + 2s), BreakerState::closed) << "one was sent since its answer";
  breaker.record_unanswered(start + 1600ms, start + 2s, settings);
  EXPECT_EQ(state(breaker, start + 2s), BreakerState::open);
}

// Some are answered, more are not: it is left as if nobody were.
TEST(SharedBreaker, HoldsSilenceAgainstWhoAnswersOnlySome) {
  constexpr CircuitBreaker::Settings by_share{
      .consecutive = 5, .error_rate = 0.5, .min_requests = 10, .open = 5s};
  const auto after = [&](int answered_of_ten) {
    SharedBreaker breaker;
    TimePoint now = start;
    for (int i = 0; i < 40 && state(breaker, now) == BreakerState::closed; ++i) {
      now += 10ms;
      if (i * answered_of_ten % 10 < answered_of_ten) {
        breaker.note_answer(now);
        breaker.record_success(now - 1ms, now);
      } else {
        breaker.record_silence(now - 300ms, now, by_share);
        breaker.record_unanswered(now - 300ms, now, by_share);
      }
    }
    return state(breaker, now);
  };
  EXPECT_EQ(after(3), BreakerState::open);
  EXPECT_EQ(after(7), BreakerState::closed);
}

TEST(SharedBreaker, ForgetsItAllAfterAGoodTrial) {
  SharedBreaker breaker;
  breaker.record_failure(start, start, settings);
  breaker.record_failure(start, start, settings);
  EXPECT_FALSE(breaker.take_trial(start + 4s));
  {
    ASSERT_TRUE(breaker.take_trial(start + 5s));
    const Trial trial(breaker);
    EXPECT_FALSE(breaker.take_trial(start + 5s));
    breaker.record_success(start + 5s, start + 5s);
  }
  EXPECT_EQ(state(breaker, start + 5s), BreakerState::closed);
  EXPECT_FALSE(breaker.standing(start + 5s).trial_free);
  breaker.record_failure(start + 6s, start + 6s, settings);
  EXPECT_EQ(state(breaker, start + 6s), BreakerState::closed);
}

TEST(SharedBreaker, CountsOutcomes) {
  SharedBreaker breaker;
  breaker.record_success(start, start);
  breaker.record_success(start, start);
  breaker.record_failure(start, start, settings);
  breaker.record_unanswered(start, start + 1s, settings);
  breaker.stay_away(start, start + 1s, true);
  breaker.open(start + 2s, settings);
  EXPECT_EQ(breaker.outcomes().good, 2U);
  EXPECT_EQ(breaker.outcomes().bad, 2U);
}

TEST(SharedBreaker, TellsWhoAskedToWait) {
  SharedBreaker breaker;
  breaker.stay_away(start, start + 3s, true);
  const auto standing = breaker.standing(start);
  EXPECT_TRUE(standing.asked_to_wait && standing.limited);
  EXPECT_EQ(standing.open_until, start + 3s);
  breaker.record_begun(start + 3s, start + 4s);
  EXPECT_EQ(state(breaker, start + 4s), BreakerState::closed);
}

// Whatever the loops do at once, no more trials are out than there are, and all come back.
TEST(SharedBreakerThreads, AgreeOnTrials) {
  SharedBreaker breaker;
  breaker.record_failure(start, start, settings);
  breaker.record_failure(start, start, settings);
  std::atomic<int> out = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 2000; ++k) {
        if (!breaker.take_trial(start + 5s)) continue;
        const Trial trial(breaker);
        most = std::max(most.load(), ++out);
        --out;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_TRUE(breaker.standing(start + 5s).trial_free);
}

}  // namespace
}  // namespace rocket
