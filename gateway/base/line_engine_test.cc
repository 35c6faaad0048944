#include "base/line_engine.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(LineEngine, HasANameThatLeadsBack) {
  for (const LineEngine one : all_line_engines)
    EXPECT_EQ(line_engine(to_string(one)), one) << to_string(one);
  for (const std::string_view other : {"", "Ray", "rays", "local "})
    EXPECT_EQ(line_engine(other), std::nullopt) << other;
}

}  // namespace
}  // namespace rocket
