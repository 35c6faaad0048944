#include "policy/circuit_breaker.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};
constexpr CircuitBreaker::Settings settings{.consecutive = 3,
                                            .error_rate = 0.5,
                                            .min_requests = 10,
                                            .open = 5s,
                                            .open_max = 15s,
                                            .trials = 1};

// What happens, a letter at a time: g a success of what was sent just then, l of what was sent at
// the start, a the beginning of an answer, b a failure of what was sent just then, p of what was
// sent at the start, u one that was given up while others were answered, v the same of one sent at
// the start, t a trial is taken, r returned, s a second passes, T ten seconds.
struct Story {
  CircuitBreaker breaker{settings};
  TimePoint now = start;
  bool trial_given = false;

  explicit Story(const std::string& events) {
    for (const char event : events)
      happen(event);
  }
  void happen(char event) {
    switch (event) {
      case 'g': breaker.record_success(now, now); break;
      case 'l': breaker.record_success(start, now); break;
      case 'a': breaker.record_answer(now); break;
      case 'b': breaker.record_failure(now, now); break;
      case 'p': breaker.record_failure(start, now); break;
      case 'u': breaker.record_silence(now, now); break;
      case 'v': breaker.record_silence(start, now); break;
      case 't': trial_given = breaker.take_trial(now); break;
      case 'r': breaker.return_trial(); break;
      case 's': now += 1s; break;
      case 'T': now += 10s; break;
      default: ADD_FAILURE() << event;
    }
  }
  [[nodiscard]] BreakerState state() const { return breaker.state(now); }
};

TEST(CircuitBreaker, GoesThroughItsStates) {
  constexpr auto closed = BreakerState::closed;
  constexpr auto half_open = BreakerState::half_open;
  constexpr auto open = BreakerState::open;
  const struct {
    const char* name;
    const char* events;
    BreakerState state;
  } cases[] = {
      {"new", "", closed},
      {"good", "gggg", closed},
      {"two failures", "bb", closed},
      {"three in a row", "bbb", open},
      {"a success in between", "bbgbb", closed},
      {"half of ten", "gbgbgbgbgb", open},
      {"less than half", "ggbggbggbggb", closed},
      {"half of nine is too few", "bgbgbgbgb", closed},
      {"old failures are forgotten", "gbgbgbgbTgb", closed},
      {"half of ten are given up", "uagagagagaguuuu", open},
      {"less than half are", "uagaguagaguagaguagag", closed},
      {"never in a row", "uuuuuuuuu", closed},
      {"all of ten are", "uuuuuuuuuu", open},
      {"given up or failed is the same", "ubagagubagagub", open},
      {"streams that go on count as answers", "uaauaauaauaauaauaauaauaauaauaauaa", closed},
      {"and once only", "uagagagaguuuuu", open},
      {"that somebody is given up says nothing of a trial", "bbbssssstu", half_open},
      {"nor of one that is open", "bbbsssus", open},
      {"it is open for as long as after failures", "uuuuuuuuuussss", open},
      {"and tried again", "uuuuuuuuuusssss", half_open},
      {"open for its time", "bbbssss", open},
      {"then half open", "bbbsssss", half_open},
      {"a trial that answers closes it", "bbbssssstg", closed},
      {"a trial that fails opens it again", "bbbssssstb", open},
      {"for twice as long", "bbbssssstbTs", half_open},
      {"but not sooner", "bbbssssstbsssssssss", open},
      {"and at most for the longest time", "bbbTtbrTTtbrTTtbrTssss", open},
      {"the longest time is over", "bbbTtbrTTtbrTTtbrTsssss", half_open},
      {"after closing it starts from the beginning", "bbbsssssgbbbsssss", half_open},
      {"a late success does not close it", "sbbbl", open},
      {"nor after it has opened again", "bbbssssstbl", open},
      {"a success of what was sent since does", "sbbbsg", closed},
      {"from the beginning then", "sbbbsgbbbsssss", half_open},
      {"a late failure does not prolong it", "bbbssssbs", half_open},
      {"what was sent before fails: opens it", "sppp", open},
      {"but not a second time", "sbbbsssssppp", half_open},
      {"nor once a trial has closed it", "sbbbssssstgppp", closed},
      {"what has been sent since does", "sbbbssssstgpbbb", open},
      {"what was sent before is given up", "sbbbssssstgvvvvvvvvvv", closed},
      {"a late success closes no half open one", "sbbbsssssl", half_open},
  };
  for (const auto& c : cases)
    EXPECT_EQ(Story(c.events).state(), c.state) << c.name;
}

TEST(CircuitBreaker, GivesOneTrialAtATime) {
  EXPECT_FALSE(Story("t").trial_given) << "closed";
  EXPECT_FALSE(Story("bbbt").trial_given) << "open";
  EXPECT_TRUE(Story("bbbsssss").breaker.trial_free(start + 5s));
  EXPECT_FALSE(Story("bbbssssst").breaker.trial_free(start + 5s));
  EXPECT_TRUE(Story("bbbssssst").trial_given) << "half open";
  EXPECT_FALSE(Story("bbbssssstt").trial_given) << "the second";
  EXPECT_TRUE(Story("bbbssssstrt").trial_given) << "returned without a verdict";
}

TEST(CircuitBreaker, StaysAwayAsLongAsItIsAsked) {
  CircuitBreaker breaker(settings);
  breaker.stay_away(start, start + 7s);
  EXPECT_EQ(breaker.state(start + 6999ms), BreakerState::open);
  EXPECT_EQ(breaker.state(start + 7s), BreakerState::half_open);
  EXPECT_TRUE(breaker.asked_to_wait(start));
  EXPECT_TRUE(breaker.asked_to_wait(start + 7s)) << "until somebody has been there";
  EXPECT_EQ(breaker.open_until(), start + 7s);
  breaker.stay_away(start + 1s, start + 2s);
  EXPECT_EQ(breaker.open_until(), start + 7s) << "a shorter time changes nothing";
  breaker.record_failure(start + 8s, start + 8s);
  EXPECT_FALSE(breaker.asked_to_wait(start + 8s)) << "now it has failed";
  breaker.stay_away(start + 8s, start + 30s);
  EXPECT_EQ(breaker.open_until(), start + 30s);
  EXPECT_TRUE(breaker.asked_to_wait(start + 8s));
  breaker.record_success(start + 9s, start + 9s);
  EXPECT_EQ(breaker.state(start + 9s), BreakerState::open) << "it has asked to be left alone";
  breaker.record_success(start + 30s, start + 31s);
  EXPECT_FALSE(breaker.asked_to_wait(start + 31s));
}

// Asked as a last resort while it was open, it has named a time: not even then until that is over.
TEST(CircuitBreaker, IsAskedToWaitWhileItIsOpenForLonger) {
  CircuitBreaker breaker(settings);
  breaker.open(start);
  breaker.stay_away(start + 1s, start + 3s);
  EXPECT_EQ(breaker.open_until(), start + 5s) << "shortens nothing";
  EXPECT_TRUE(breaker.asked_to_wait(start + 2999ms));
  EXPECT_FALSE(breaker.asked_to_wait(start + 3s));
  EXPECT_EQ(breaker.state(start + 5s), BreakerState::half_open);
  EXPECT_FALSE(breaker.asked_to_wait(start + 5s)) << "it was not that time which kept it open";
}

// A stream is a success only at its end, which may be minutes away.
TEST(CircuitBreaker, TrustsWhoAskedToBeLeftAloneOnceItAnswers) {
  CircuitBreaker breaker(settings);
  breaker.stay_away(start, start + 2s);
  breaker.record_begun(start + 1s, start + 1s);
  EXPECT_EQ(breaker.state(start + 1s), BreakerState::open) << "the time stands";
  breaker.record_begun(start - 1s, start + 3s);
  EXPECT_EQ(breaker.state(start + 3s), BreakerState::half_open) << "sent before it asked";
  breaker.record_begun(start + 2s, start + 3s);
  EXPECT_EQ(breaker.state(start + 3s), BreakerState::closed);
  CircuitBreaker failing = Story("bbbsssss").breaker;
  failing.record_begun(start + 5s, start + 5s);
  EXPECT_EQ(failing.state(start + 5s), BreakerState::half_open) << "it may fail in the middle";
}

// Asked as a last resort, it answers: nobody has to wait for its time.
TEST(CircuitBreaker, IsTriedAsSoonAsAStreamHasBegunThatWasSentAllTheSame) {
  CircuitBreaker breaker = Story("sbbb").breaker;
  breaker.record_begun(start, start + 2s);
  EXPECT_EQ(breaker.state(start + 2s), BreakerState::open) << "sent before it opened";
  breaker.record_begun(start + 2s, start + 2s);
  EXPECT_EQ(breaker.state(start + 2s), BreakerState::half_open);
  EXPECT_TRUE(breaker.trial_free(start + 2s));
  EXPECT_FALSE(breaker.asked_to_wait(start + 2s));
  breaker.record_failure(start + 3s, start + 3s);
  EXPECT_EQ(breaker.state(start + 12s), BreakerState::open) << "for twice as long";
  EXPECT_EQ(breaker.state(start + 13s), BreakerState::half_open);
}

TEST(CircuitBreaker, ALongTrialOfWhoAskedToBeLeftAloneKeepsNoOtherAway) {
  CircuitBreaker breaker(settings);
  breaker.stay_away(start, start + 2s);
  ASSERT_TRUE(breaker.take_trial(start + 2s));
  EXPECT_FALSE(breaker.trial_free(start + 2999ms));
  ASSERT_TRUE(breaker.take_trial(start + 3s));
  EXPECT_FALSE(breaker.trial_free(start + 3999ms));
  EXPECT_TRUE(breaker.trial_free(start + 4s));
  EXPECT_FALSE(Story("bbbssssstTT").breaker.trial_free(start + 25s)) << "others may be silent";
}

TEST(CircuitBreaker, FurtherTrialsFollowAStreamThatHasBegun) {
  CircuitBreaker breaker = Story("bbbssssst").breaker;
  breaker.record_begun(start + 5s, start + 5500ms);
  EXPECT_EQ(breaker.state(start + 5500ms), BreakerState::half_open) << "it may fail in the middle";
  EXPECT_FALSE(breaker.trial_free(start + 5999ms));
  ASSERT_TRUE(breaker.take_trial(start + 6s));
  EXPECT_FALSE(breaker.trial_free(start + 6999ms));
  EXPECT_TRUE(breaker.trial_free(start + 7s));
  breaker.record_failure(start + 7s, start + 7s);
  EXPECT_EQ(breaker.state(start + 16s), BreakerState::open) << "for twice as long";
  EXPECT_EQ(breaker.state(start + 17s), BreakerState::half_open);
  EXPECT_FALSE(breaker.trial_free(start + 17s)) << "two are out, and none has begun since";
}

TEST(CircuitBreaker, IsOpenedWithoutHavingBeenAsked) {
  CircuitBreaker breaker(settings);
  breaker.open(start);
  EXPECT_EQ(breaker.state(start + 4s), BreakerState::open);
  EXPECT_FALSE(breaker.asked_to_wait(start + 4s));
  breaker.open(start + 4s);
  EXPECT_EQ(breaker.open_until(), start + 5s) << "it was open";
  EXPECT_EQ(breaker.state(start + 5s), BreakerState::half_open);
  breaker.open(start + 6s);
  EXPECT_EQ(breaker.open_until(), start + 16s) << "no better the second time";
}

TEST(CircuitBreaker, KnowsThatNothingIsHeldAgainstIt) {
  EXPECT_TRUE(Story("").breaker.pristine());
  EXPECT_TRUE(Story("gg").breaker.pristine());
  EXPECT_FALSE(Story("gb").breaker.pristine());
  EXPECT_FALSE(Story("bbb").breaker.pristine());
  EXPECT_FALSE(Story("bbbsssss").breaker.pristine());
  EXPECT_TRUE(Story("bbbsssssg").breaker.pristine());
  EXPECT_TRUE(Story("bTgTg").breaker.pristine()) << "forgotten";
  EXPECT_FALSE(Story("au").breaker.pristine());
  EXPECT_TRUE(Story("aga").breaker.pristine());
}

}  // namespace
}  // namespace rocket
