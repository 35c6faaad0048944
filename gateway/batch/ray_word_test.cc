#include "batch/ray_word.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

TEST(RayWord, is_good_for_a_while) {
  RayWord word;
  EXPECT_EQ(word.trouble(start), "nobody on this node speaks to Ray");
  word.hear(true, start);
  EXPECT_EQ(word.trouble(start + 10s), "");
  EXPECT_EQ(word.trouble(start + 11s), "nobody on this node speaks to Ray");
  word.hear(false, start + 12s);
  EXPECT_EQ(word.trouble(start + 12s), "Ray does not answer");
  word.hear(true, start + 13s);
  EXPECT_EQ(word.trouble(start + 13s), "");
}

}  // namespace
}  // namespace rocket
