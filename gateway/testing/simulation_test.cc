#include "testing/simulation.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

// A sanitizer makes each take five times as long; `./dev ci` lives all two hundred without one too.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t lives = 50;
#elif defined(__has_feature)
constexpr std::uint64_t lives = __has_feature(address_sanitizer) ? 50 : 200;
#else
constexpr std::uint64_t lives = 200;
#endif

TEST(Simulation, LivesKeepEveryPromise) {
  for (std::uint64_t seed = 1; seed <= lives; ++seed) {
    EXPECT_EQ(simulate(seed), "") << "repeat with ./dev sim --seed " << seed;
  }
}

}  // namespace
}  // namespace rocket
