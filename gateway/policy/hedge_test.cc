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

}  // namespace
}  // namespace rocket
