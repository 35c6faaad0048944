#include "base/error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace rocket {
namespace {

constexpr auto code_count = static_cast<unsigned>(ErrorCode::total_timeout) + 1;

TEST(Error, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (unsigned i = 0; i < code_count; ++i) {
    const std::string_view name = to_string(static_cast<ErrorCode>(i));
    EXPECT_NE(name, "unknown") << i;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(std::ranges::all_of(name, [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z');
    })) << name;
  }
}

TEST(Error, TheLastCodeIsTheLast) {
  EXPECT_EQ(to_string(static_cast<ErrorCode>(code_count)), "unknown");
}

TEST(Error, FailsWithACodeAndADetail) {
  const Result<int> result = fail(ErrorCode::no_model, "name one");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::no_model);
  EXPECT_EQ(result.error().detail, "name one");
  const Result<void> bare = fail(ErrorCode::draining);
  ASSERT_FALSE(bare);
  EXPECT_EQ(bare.error().detail, "");
}

}  // namespace
}  // namespace rocket
