#include "schema/held_citations.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(HeldCitations, AreKeptWhenWhatTheyWereReadFromHasGone) {
  HeldCitations held;
  EXPECT_TRUE(held.empty());
  {
    const std::string url = "https://example.com/a";
    const std::string title = "A";
    ASSERT_TRUE(held.add(
        {.kind = Citation::Kind::web, .source = {url}, .title = {title}, .span = TextSpan{1, 2}}));
  }
  ASSERT_TRUE(held.add({.kind = Citation::Kind::file, .file = {"file-1"}, .which = "3"}));
  ASSERT_EQ(held.size(), 2U);
  EXPECT_GT(held.bytes(), 20U);
  EXPECT_EQ(held[0].kind, Citation::Kind::web);
  EXPECT_EQ(held[0].source.inside, "https://example.com/a");
  EXPECT_EQ(held[0].title.inside, "A");
  EXPECT_EQ(held[0].span, (TextSpan{1, 2}));
  EXPECT_EQ(held[1].file.inside, "file-1");
  EXPECT_EQ(held[1].which, "3");
  EXPECT_FALSE(held[1].span);
  held.clear();
  EXPECT_TRUE(held.empty());
  EXPECT_EQ(held.bytes(), 0U);
}

TEST(HeldCitations, AreNoMoreThanAMegabyte) {
  HeldCitations held;
  const std::string title(size_t{100} << 10U, 't');
  const Citation large{.kind = Citation::Kind::web, .title = {title}};
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(held.add(large));
  const auto refused = held.add(large);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::upstream_too_large);
  EXPECT_EQ(held.size(), 10U);
}

}  // namespace
}  // namespace rocket
