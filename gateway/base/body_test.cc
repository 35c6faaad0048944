#include "base/body.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

TEST(Body, IsWhatWasAppended) {
  ByteBudget budget(1 << 20);
  Body body;
  EXPECT_EQ(body.text(), "");
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<size_t>(i % 37), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(body.append(budget, piece));
    expected += piece;
  }
  EXPECT_EQ(body.text(), expected);
  EXPECT_EQ(body.size(), expected.size());
}

TEST(Body, AnnouncedIsNeverCopied) {
  ByteBudget budget(1 << 20);
  const std::string piece(1000, 'x');
  Body body;
  body.expect(300 * piece.size());
  ASSERT_TRUE(body.append(budget, piece));
  const char* const buffer = body.text().data();
  for (int i = 1; i < 300; ++i)
    ASSERT_TRUE(body.append(budget, piece));
  EXPECT_EQ(body.text().data(), buffer);
  EXPECT_EQ(budget.held(), body.size());
}

// An image of 8 MB and whatever stands around it is read to where it stays.
TEST(Body, AnnouncedLargeIsMovedOnceAtMost) {
  const std::string piece(64 * 1024, 'x');
  for (const size_t pieces : {130U, 256U, 257U, 1600U}) {
    ByteBudget budget(200U << 20U);
    Body body;
    body.expect(pieces * piece.size());
    size_t moved = 0;
    size_t moved_at = 0;
    for (size_t i = 0; i < pieces; ++i) {
      const char* const before = body.text().data();
      ASSERT_TRUE(body.append(budget, piece));
      if (i == 0 || body.text().data() == before) continue;
      ++moved;
      moved_at = body.size();
    }
    EXPECT_EQ(moved, pieces > 256 ? 1U : 0U) << pieces;
    if (moved != 0) {
      EXPECT_EQ(moved_at, 257 * piece.size());
    }
    EXPECT_EQ(budget.held(), body.size());
  }
}

TEST(Body, IsPaidForAsItArrives) {
  constexpr size_t ahead_max = 64 * 1024;
  ByteBudget budget(1 << 20);
  {
    Body body;
    // Who only announces takes nothing from the others.
    body.expect(10 << 20);
    EXPECT_EQ(budget.held(), 0U);
    const std::string piece(1000, 'x');
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(body.append(budget, piece));
      ASSERT_GE(budget.held(), body.size());
      ASSERT_LE(budget.held(), body.size() + ahead_max);
    }
  }
  EXPECT_EQ(budget.held(), 0U);
}

TEST(Body, ShortOneAnnouncedIsPaidForAtOnce) {
  ByteBudget budget(100);
  Body body;
  body.expect(7);
  ASSERT_TRUE(body.append(budget, "abc"));
  EXPECT_EQ(budget.held(), 7U);
  ASSERT_TRUE(body.append(budget, "defg"));
  EXPECT_EQ(budget.held(), 7U);
  EXPECT_EQ(body.text(), "abcdefg");
}

TEST(Body, MayBeLongerThanAnnounced) {
  ByteBudget budget(100);
  Body body;
  body.expect(2);
  ASSERT_TRUE(body.append(budget, "a"));
  ASSERT_TRUE(body.append(budget, "bcd"));
  EXPECT_EQ(body.text(), "abcd");
  EXPECT_GE(budget.held(), 4U);
}

TEST(Body, KeepsWhatItHasWhenTheBudgetIsSpent) {
  ByteBudget budget(10);
  Body body;
  ASSERT_TRUE(body.append(budget, "abcdef"));
  const std::uint64_t held = budget.held();
  EXPECT_FALSE(body.append(budget, "ghijk"));
  EXPECT_EQ(body.text(), "abcdef");
  EXPECT_EQ(budget.held(), held);
  ASSERT_TRUE(body.append(budget, "ghij"));
  EXPECT_EQ(body.text(), "abcdefghij");
}

TEST(Body, NothingCostsNothing) {
  ByteBudget budget(0);
  Body body;
  body.expect(0);
  EXPECT_TRUE(body.append(budget, ""));
  EXPECT_FALSE(body.append(budget, "a"));
  EXPECT_EQ(body.text(), "");
}

}  // namespace
}  // namespace rocket
