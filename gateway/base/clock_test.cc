#include "base/clock.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(Clock, DoublesUpToABoundWithoutOverflow) {
  EXPECT_EQ(doubled(1s, 0, 60s), 1s);
  EXPECT_EQ(doubled(1s, 1, 60s), 2s);
  EXPECT_EQ(doubled(1s, 5, 60s), 32s);
  EXPECT_EQ(doubled(1s, 6, 60s), 60s);
  EXPECT_EQ(doubled(1s, 0, 500ms), 500ms);
  EXPECT_EQ(doubled(0s, UINT32_MAX, 60s), 0s);
  EXPECT_EQ(doubled(3h, 20, 10'000h), 10'000h);
  EXPECT_EQ(doubled(1ns, UINT32_MAX, Duration::max()), Duration::max());
}

}  // namespace
}  // namespace rocket
