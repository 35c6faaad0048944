#include "base/native_api.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(NativeApi, HasANameThatLeadsBack) {
  for (const NativeApi one : all_native_apis)
    EXPECT_EQ(native_api(to_string(one)), one) << to_string(one);
  for (const std::string_view other : {"", "Messages", "chat"})
    EXPECT_EQ(native_api(other), std::nullopt) << other;
}

}  // namespace
}  // namespace rocket
