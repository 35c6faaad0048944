#include "policy/hedge.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(Hedge, IsDueWhenAnAnswerIsLate) {
  const HedgeSettings settings{.min = 200ms, .unknown = 60s};
  const struct {
    const char* name;
    std::optional<Duration> p95;
    bool same_backend;
    Duration delay;
  } cases[] = {
      {"nothing is known", std::nullopt, true, 60s},
      {"nothing is known, elsewhere", std::nullopt, false, 60s},
      {"fast answers", 20ms, true, 200ms},
      {"ordinary answers", 900ms, true, 900ms},
      {"fast answers, elsewhere", 20ms, false, 1s},
      {"ordinary answers, elsewhere", 900ms, false, 2700ms},
      {"very slow answers", 90s, true, 60s},
      {"very slow answers, elsewhere", 30s, false, 60s},
  };
  for (const auto& c : cases)
    EXPECT_EQ(hedge_delay(c.p95, c.same_backend, settings), c.delay) << c.name;
}

TEST(Hedge, TellsSilenceFromBeingLate) {
  const struct {
    const char* name;
    Duration silent;
    Duration usual;
    bool given_up;
  } cases[] = {
      {"far longer than usual", 280ms, 80ms, true},
      {"it was about to answer", 280ms, 240ms, false},
      {"a slow machine, as slow as ever", 700ms, 500ms, false},
      {"a slow machine that says nothing", 800ms, 500ms, true},
      {"nobody has been answered there", 200ms, 0ms, true},
  };
  for (const auto& c : cases)
    EXPECT_EQ(is_given_up(c.silent, c.usual), c.given_up) << c.name;
}

}  // namespace
}  // namespace rocket
