#include "policy/answer_times.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

TEST(AnswerTimes, SaysNothingBeforeItKnowsEnough) {
  AnswerTimes times;
  for (std::uint32_t i = 1; i < AnswerTimes::answers_min; ++i)
    times.record(100ms);
  EXPECT_FALSE(times.p95());
  times.record(100ms);
  EXPECT_TRUE(times.p95());
}

TEST(AnswerTimes, FindsWhat95Of100StayBelow) {
  const struct {
    const char* name;
    std::vector<Duration> cycle;  // recorded over and over, 100 in all
    Duration at_least;
  } cases[] = {
      {"all alike", {100ms}, 100ms},
      {"very fast", {1us}, 0ms},
      {"very slow", {1h}, 500s},
      {"one in ten slow", {10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 2s}, 2s},
      {"one in fifty slow", std::vector<Duration>(49, 10ms), 10ms},
  };
  for (const auto& c : cases) {
    AnswerTimes times;
    for (size_t i = 0; i < 100; ++i) {
      const bool odd_one = c.cycle.size() == 49 && i % 50 == 49;
      times.record(odd_one ? Duration(5s) : c.cycle[i % c.cycle.size()]);
    }
    const Duration p95 = times.p95().value();
    EXPECT_GE(p95, c.at_least) << c.name;
    EXPECT_LE(p95, std::max<Duration>(c.at_least * 5 / 4, 700s)) << c.name;
    if (c.at_least < 500s) {
      EXPECT_LE(p95, std::max<Duration>(c.at_least * 5 / 4, 1ms)) << c.name;
    }
  }
}

TEST(AnswerTimes, ForgetsWhatWas) {
  AnswerTimes times;
  for (int i = 0; i < 1000; ++i)
    times.record(10s);
  EXPECT_GE(times.p95().value(), 10s);
  for (int i = 0; i < 5000; ++i)
    times.record(10ms);
  EXPECT_LE(times.p95().value(), 13ms);
}

TEST(FadingAverage, FollowsAndFades) {
  FadingAverage average;
  EXPECT_EQ(average.value(start), 0ns);
  average.record(100ms, start);
  EXPECT_NEAR(to_ms(average.value(start)), 100, 0.001);
  average.record(200ms, start);
  EXPECT_NEAR(to_ms(average.value(start)), 120, 0.001);
  EXPECT_NEAR(to_ms(average.value(start + 10s)), 120 / 2.71828, 0.01);
  EXPECT_LT(average.value(start + 5min), 1ns);
}

TEST(UsualTime, KnowsNothingOfAFew) {
  UsualTime usual;
  TimePoint now{1h};
  for (std::uint32_t i = 0; i + 1 < UsualTime::values_min; ++i)
    usual.record(100ms, now);
  EXPECT_EQ(usual.value(), Duration::zero());
  usual.record(100ms, now);
  EXPECT_NEAR(to_ms(usual.value()), 100, 1);
}

TEST(UsualTime, FollowsSlowlyHoweverMuchIsAsked) {
  for (const int per_second : {1, 100}) {
    UsualTime usual;
    TimePoint now{1h};
    const auto run = [&](int seconds, Duration value) {
      for (int i = 0; i < seconds * per_second; ++i) {
        usual.record(value, now);
        now += std::chrono::milliseconds(1000 / per_second);
      }
    };
    run(60, 100ms);
    EXPECT_NEAR(to_ms(usual.value()), 100, 1);
    run(30, 1s);
    EXPECT_LT(to_ms(usual.value()), 200) << "a bad half minute is not usual";
    run(270, 1s);
    EXPECT_NEAR(to_ms(usual.value()), 1000 - 900 * 0.37, 20);
  }
}

}  // namespace
}  // namespace rocket
