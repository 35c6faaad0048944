#include "policy/outlier.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start = TimePoint(1000s);

OutlierView well(double requests = 100) {
  return {.requests = requests};
}
OutlierView failing(double share, double requests = 100) {
  return {.requests = requests, .bad_share = share};
}
OutlierView slow() {
  return {.requests = 100, .slow = true};
}
OutlierView sick() {
  return {.failing_probes = true};
}
OutlierView out() {
  return {.out = true};
}

// A letter for each: . nothing, f or s a fault that is let pass, F or S ejected for it, ! forgiven.
std::string letters(const std::vector<OutlierMark>& marks) {
  std::string text;
  for (const OutlierMark& mark : marks) {
    const char small = mark.fault == OutlierFault::none      ? '.'
                       : mark.fault == OutlierFault::failing ? 'f'
                                                             : 's';
    const char large = static_cast<char>(small - 'a' + 'A');
    text += mark.forgiven ? '!' : mark.ejected ? large : small;
  }
  return text;
}

TEST(Outlier, IsWorseThanItsSiblings) {
  const struct {
    const char* name;
    std::vector<OutlierView> endpoints;
    std::string expected;
  } cases[] = {
      {"nobody", {}, ""},
      {"alone, and nobody to compare with", {failing(1)}, "."},
      {"alone and slow", {slow()}, "s"},
      {"equals", {well(), well(), well()}, "..."},
      {"one fails", {failing(0.5), well(), well()}, "F.."},
      {"one of two fails", {well(), failing(0.3)}, ".F"},
      {"a little is chance", {well(), failing(0.1), well()}, "..."},
      {"all fail alike", {failing(0.5), failing(0.5), failing(0.6)}, "..."},
      {"one fails even more", {failing(0.2), failing(0.2), failing(0.8)}, "..F"},
      {"too few requests", {failing(1, 19), well(), well()}, "..."},
      {"siblings with too few requests", {failing(1), well(5), well(5)}, "..."},
      {"one is slow", {well(), slow(), well()}, ".S."},
      {"half at most, failures first", {slow(), failing(0.9), well(1000), failing(0.5)}, "sF.F"},
      {"half at most, the worst first",
       {failing(0.6), failing(0.9), failing(0.7), well(1000)},
       "fFF."},
      {"half of three is one", {slow(), failing(0.9), well(1000)}, "sF."},
      {"half of five is two", {slow(), slow(), slow(), well(), well()}, "SSs.."},
      {"those that are out count", {out(), slow(), well(), well()}, ".S.."},
      {"no more than are out already", {out(), out(), slow(), well()}, "..s."},
      {"what is out is not ejected on top",
       {{.requests = 100, .bad_share = 1, .out = true}, well()},
       "f."},
      {"half is no panic", {sick(), well()}, ".."},
      {"panic: one would have to carry all", {sick(), sick(), well()}, "!!."},
      {"panic: what a breaker says stands", {out(), sick(), well()}, ".!."},
      {"panic: nobody is ejected",
       {sick(), sick(), sick(), sick(), slow(), well(), well()},
       "!!!!s.."},
      {"all are bad: no panic, others may help", {sick(), sick(), sick()}, "..."},
      {"one alone is bad", {sick()}, "."},
      {"out and sick is out", {{.failing_probes = true, .out = true}, sick(), well()}, ".!."},
  };
  for (const auto& c : cases)
    EXPECT_EQ(letters(find_outliers(c.endpoints, {})), c.expected) << c.name;
}

TEST(Outlier, SharesAreSettings) {
  const std::vector<OutlierView> endpoints{slow(), slow(), slow(), well()};
  EXPECT_EQ(letters(find_outliers(endpoints, {.max_ejected = 0})), "sss.");
  EXPECT_EQ(letters(find_outliers(endpoints, {.max_ejected = 0.25})), "Sss.");
  EXPECT_EQ(letters(find_outliers(endpoints, {.max_ejected = 1, .panic = 1})), "SSS.");
  // More than half of them look bad then.
  EXPECT_EQ(letters(find_outliers(endpoints, {.max_ejected = 1})), "sss.");
  const std::vector<OutlierView> sick_ones{sick(), sick(), well()};
  EXPECT_EQ(letters(find_outliers(sick_ones, {.panic = 1})), "...");
  const std::vector<OutlierView> one_sick{sick(), well(), well()};
  EXPECT_EQ(letters(find_outliers(one_sick, {.panic = 0.2})), "!..");
}

TEST(Outlier, SlowIsSlowerThanOthersAndThanBefore) {
  const struct {
    const char* name;
    Duration own;
    Duration siblings;
    Duration usual;
    bool slow;
  } cases[] = {
      {"as fast", 100ms, 100ms, 100ms, false},
      {"twice as slow", 200ms, 100ms, 100ms, false},
      {"four times", 400ms, 100ms, 100ms, true},
      {"it always was: another machine", 400ms, 100ms, 400ms, false},
      {"all have become slow", 400ms, 400ms, 100ms, false},
      {"a difference that does not matter", 8ms, 1ms, 1ms, false},
      {"nothing known of the others", 400ms, 0ms, 100ms, false},
      {"nothing known of the past", 400ms, 100ms, 0ms, false},
      {"nothing known of it", 0ms, 100ms, 100ms, false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(is_slow(c.own, c.siblings, c.usual), c.slow) << c.name;
}

TEST(Outlier, OutcomesFade) {
  RecentOutcomes outcomes;
  EXPECT_EQ(outcomes.all(), 0);
  EXPECT_EQ(outcomes.bad_share(), 0);
  outcomes.update(60, 40, start);
  EXPECT_EQ(outcomes.all(), 100);
  EXPECT_DOUBLE_EQ(outcomes.bad_share(), 0.4);
  outcomes.update(60, 40, start + 10s);
  EXPECT_NEAR(outcomes.all(), 36.8, 0.1);
  EXPECT_DOUBLE_EQ(outcomes.bad_share(), 0.4);
  outcomes.update(160, 40, start + 20s);
  EXPECT_NEAR(outcomes.bad_share(), 0.047, 0.001);
  outcomes.update(160, 40, start + 500s);
  EXPECT_LT(outcomes.all(), 0.001);
}

}  // namespace
}  // namespace rocket
