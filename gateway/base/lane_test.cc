#include "base/lane.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Lane, HasANameThatLeadsBack) {
  for (const Lane one : all_lanes)
    EXPECT_EQ(lane(to_string(one)), one) << to_string(one);
  for (const std::string_view other : {"", "Normal", "normal ", "urgent"})
    EXPECT_EQ(lane(other), std::nullopt) << other;
}

}  // namespace
}  // namespace rocket
