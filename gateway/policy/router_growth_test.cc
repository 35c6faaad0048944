#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "policy/router.h"

// What the router costs must not depend on how much there is to route to. Ratios of CPU time,
// with margins that only another order of growth goes past.
namespace rocket {
namespace {

// Each model at three backends, whatever their number.
RouterInput grown(size_t models, size_t backends) {
  RouterInput input;
  for (size_t i = 0; i < backends; ++i) {
    input.backends.push_back({"backend-" + std::to_string(i), "", false, {{true, {}}}});
    input.order.push_back(i);
  }
  for (size_t i = 0; i < models; ++i) {
    for (size_t k = 0; k < 3; ++k) {
      auto& backend = input.backends[(backends - 1 - i % backends + k) % backends];
      backend.endpoints.front().models.push_back("model-" + std::to_string(i));
    }
  }
  return input;
}

// The least CPU time of several runs: what else the machine does only ever adds to it.
template <class Work>
double least_seconds(int runs, Work work) {
  double least = 1e9;
  for (int run = 0; run < runs; ++run) {
    const std::clock_t begin = std::clock();
    work();
    least = std::min(least, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return least;
}

double seconds_to_route(const RouterInput& input) {
  const Router router(input);
  Random random(1);
  size_t candidates = 0;
  const double seconds = least_seconds(9, [&] {
    for (int i = 0; i < 3000; ++i) {
      const auto route =
          router.route(i % 2 == 0 ? "model-0" : "model-1", i % 3 == 0 ? "backend-2" : "", random);
      candidates += route->candidates.size();
    }
  });
  EXPECT_EQ(candidates, 9U * 3000 * 3);
  return seconds;
}

TEST(RouterGrowth, ARequestCostsTheSameHoweverMuchThereIs) {
  const double few = seconds_to_route(grown(3, 3));
  const double many = seconds_to_route(grown(1000, 100));
  EXPECT_LT(many, few * 3);
}

// Routers are made anew whenever an inventory changes, on a loop that also serves requests.
TEST(RouterGrowth, IsMadeInTimeThatGrowsNoFasterThanTheModels) {
  const auto seconds_to_make = [](const RouterInput& input) {
    return least_seconds(3, [&] { EXPECT_FALSE(Router(input).models().empty()); });
  };
  const double few = seconds_to_make(grown(500, 4));
  const double many = seconds_to_make(grown(8000, 4));
  // Growth with the square would take 16 times as long as this growth with the number; memory that
  // no cache holds any more takes three.
  EXPECT_LT(many, few * 16 * 8);
}

}  // namespace
}  // namespace rocket
