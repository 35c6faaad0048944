#include "policy/ebb_watch.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mebi = 1024 * 1024;
constexpr TimePoint start{1h};

TEST(EbbWatch, TellsOnceThatACrowdHasGone) {
  EbbWatch watch;
  EXPECT_FALSE(watch.ebbed(0, start));
  EXPECT_FALSE(watch.ebbed(40 * mebi, start + 1s));
  EXPECT_FALSE(watch.ebbed(11 * mebi, start + 2s)) << "most have gone, but not enough";
  EXPECT_FALSE(watch.ebbed(10 * mebi, start + 3s)) << "the last are still going";
  EXPECT_FALSE(watch.ebbed(1 * mebi, start + 7s));
  EXPECT_TRUE(watch.ebbed(1 * mebi, start + 8s));
  EXPECT_FALSE(watch.ebbed(0, start + 9s)) << "it has been told";
  EXPECT_FALSE(watch.ebbed(0, start + 1h));
}

TEST(EbbWatch, ACrowdThatComesBackIsWaitedFor) {
  EbbWatch watch;
  EXPECT_FALSE(watch.ebbed(40 * mebi, start));
  EXPECT_FALSE(watch.ebbed(0, start + 1s));
  EXPECT_FALSE(watch.ebbed(40 * mebi, start + 2s));
  EXPECT_FALSE(watch.ebbed(0, start + 6s));
  EXPECT_FALSE(watch.ebbed(0, start + 10s));
  EXPECT_TRUE(watch.ebbed(0, start + 11s));
}

TEST(EbbWatch, AFewComeAndGoUnnoticed) {
  EbbWatch watch;
  EXPECT_FALSE(watch.ebbed(EbbWatch::worthwhile_bytes - 1, start));
  for (int second = 1; second < 100; ++second) {
    EXPECT_FALSE(watch.ebbed(0, start + std::chrono::seconds(second)));
  }
}

}  // namespace
}  // namespace rocket
