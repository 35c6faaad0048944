#include "testing/simulation.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Simulation, TwoHundredLivesKeepEveryPromise) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    EXPECT_EQ(simulate(seed), "") << "repeat with ./dev sim --seed " << seed;
  }
}

}  // namespace
}  // namespace rocket
