#include "schema/raw_characters.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(RawCharacters, AreCodePointsHoweverTheyAreWritten) {
  const struct {
    const char* name;
    std::string_view raw;
    size_t count;
    std::string_view second;  // and third
  } cases[] = {
      {"nothing", "", 0, ""},
      {"letters", "abcd", 4, "bc"},
      {"one", "a", 1, ""},
      {"UTF-8", "a\u00fc\u4e16\U0001F600b", 5, "\u00fc\u4e16"},
      {"beyond 16 bits", "a\U0001F600\U0001F600b", 4, "\U0001F600\U0001F600"},
      {"short escapes", R"(a\n\"b)", 4, R"(\n\")"},
      {"a backslash before a u", R"(\\ud83d\\)", 7, "ud"},
      {"long escapes", R"(a\u00fc\u4E16b)", 4, R"(\u00fc\u4E16)"},
      {"both halves", R"(a\ud83d\ude00\uD83D\uDE00b)", 4, R"(\ud83d\ude00\uD83D\uDE00)"},
      {"halves alone", R"(a\ud83d\n\ude00)", 4, R"(\ud83d\n)"},
      {"the wrong way around", R"(\ude00\ud83db)", 3, R"(\ud83db)"},
      {"half at the end", R"(ab\ud83d)", 3, R"(b\ud83d)"},
      {"JSON", R"("a\n\"")", 5, R"(a\n)"},
      {"cut behind a backslash", R"(ab\)", 3, R"(b\)"},
      {"cut inside of an escape", R"(a\u4f)", 2, R"(\u4f)"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(count_characters(one.raw), one.count) << one.name;
    EXPECT_EQ(characters_between(one.raw, 1, 3), one.second) << one.name;
    EXPECT_EQ(characters_between(one.raw, 0, one.count), one.raw) << one.name;
    EXPECT_EQ(characters_between(one.raw, 0, 1000), one.raw) << one.name;
    EXPECT_EQ(characters_between(one.raw, 1000, 2000), "") << one.name;
    EXPECT_EQ(characters_between(one.raw, 2, 1), "") << one.name;
  }
}

}  // namespace
}  // namespace rocket
