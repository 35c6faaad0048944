#include "policy/health.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

TEST(Health, OneProbeIsNoVerdictButTheFirst) {
  // + a good probe, - a bad one, l it loads, d it drains; below each the first letter of what is
  // thought after it.
  const struct {
    const char* name;
    HealthTracker::Settings settings;
    std::string probes;
    std::string verdicts;
  } cases[] = {
      {"the first good one", {.rise = 1, .fall = 3}, "+", "h"},
      {"the first good one, whatever rise says", {.rise = 5, .fall = 3}, "+", "h"},
      {"the first bad one, whatever fall says", {.rise = 1, .fall = 3}, "-", "u"},
      {"a lost packet", {.rise = 1, .fall = 3}, "+-+-+", "hhhhh"},
      {"two lost packets", {.rise = 1, .fall = 3}, "+--+--+", "hhhhhhh"},
      {"gone", {.rise = 1, .fall = 3}, "+---", "hhhu"},
      {"stays gone", {.rise = 1, .fall = 3}, "+-----", "hhhuuu"},
      {"back at once", {.rise = 1, .fall = 3}, "+---+", "hhhuh"},
      {"bad ones count anew once it is back", {.rise = 1, .fall = 3}, "+---+--+---", "hhhuhhhhhhu"},
      {"back after three", {.rise = 3, .fall = 1}, "+-+++", "huuuh"},
      {"good ones count anew after a bad one", {.rise = 3, .fall = 1}, "+-++-+++", "huuuuuuh"},
      {"never known as good", {.rise = 2, .fall = 2}, "---++", "uuuuh"},
      {"one each", {.rise = 1, .fall = 1}, "+-+-", "huhu"},
      {"loading at first", {.rise = 3, .fall = 3}, "lll+", "ccch"},
      {"loading again", {.rise = 3, .fall = 3}, "+l+", "hch"},
      {"back from the dead, loading", {.rise = 3, .fall = 1}, "+-l+", "huch"},
      {"dead while loading", {.rise = 1, .fall = 3}, "l---", "cccu"},
      {"loading is not bad", {.rise = 1, .fall = 3}, "+--l--l-+", "hhhccccch"},
      {"drains, and is gone", {.rise = 1, .fall = 3}, "+dd---", "hddddu"},
      {"drained, and stayed", {.rise = 2, .fall = 3}, "+d+", "hdh"},
  };
  for (const auto& c : cases) {
    HealthTracker health(c.settings);
    EXPECT_EQ(health.verdict(), Verdict::unknown) << c.name;
    std::string verdicts;
    for (const char probe : c.probes) {
      switch (probe) {
        case '+': health.record_good(); break;
        case 'l': health.record_loading(); break;
        case 'd': health.record_draining(); break;
        default: health.record_bad(ErrorCode::connect_refused);
      }
      verdicts += to_string(health.verdict()).front();
    }
    EXPECT_EQ(verdicts, c.verdicts) << c.name;
  }
}

TEST(Health, TheReasonIsTheLastOne) {
  HealthTracker health({.rise = 1, .fall = 1});
  health.record_bad(ErrorCode::connect_refused);
  EXPECT_EQ(health.reason(), ErrorCode::connect_refused);
  health.record_bad(ErrorCode::upstream_status);
  EXPECT_EQ(health.verdict(), Verdict::unhealthy);
  EXPECT_EQ(health.reason(), ErrorCode::upstream_status);
}

TEST(Health, NewSettingsKeepWhatIsKnown) {
  HealthTracker health({.rise = 1, .fall = 3});
  health.record_good();
  health.record_bad(ErrorCode::connect_refused);
  health.set({.rise = 2, .fall = 2});
  EXPECT_EQ(health.verdict(), Verdict::healthy);
  health.record_bad(ErrorCode::connect_refused);
  EXPECT_EQ(health.verdict(), Verdict::unhealthy);
  health.record_good();
  EXPECT_EQ(health.verdict(), Verdict::unhealthy);
  health.record_good();
  EXPECT_EQ(health.verdict(), Verdict::healthy);
}

TEST(Health, VerdictsHaveNames) {
  EXPECT_EQ(to_string(Verdict::unknown), "unknown");
  EXPECT_EQ(to_string(Verdict::healthy), "healthy");
  EXPECT_EQ(to_string(Verdict::cold), "cold");
  EXPECT_EQ(to_string(Verdict::busy), "busy");
  EXPECT_EQ(to_string(Verdict::degraded), "degraded");
  EXPECT_EQ(to_string(Verdict::unhealthy), "unhealthy");
  EXPECT_EQ(to_string(Verdict::draining), "draining");
}

TEST(Health, WhoAnswersIsAlive) {
  EXPECT_FALSE(is_alive(Verdict::unknown));
  EXPECT_FALSE(is_alive(Verdict::unhealthy));
  for (const Verdict verdict :
       {Verdict::healthy, Verdict::cold, Verdict::busy, Verdict::degraded, Verdict::draining}) {
    EXPECT_TRUE(is_alive(verdict)) << to_string(verdict);
  }
}

}  // namespace
}  // namespace rocket
