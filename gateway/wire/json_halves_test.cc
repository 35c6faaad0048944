#include "wire/json_halves.h"

#include <gtest/gtest.h>

#include "wire/json.h"

namespace rocket {
namespace {

TEST(JsonHalves, AreReplacedWhereTheyStandAlone) {
  const struct {
    const char* name;
    const char* json;
    const char* replaced;  // null: there are none
  } cases[] = {
      {"nothing", "", nullptr},
      {"no escapes", R"({"a":"b"})", nullptr},
      {"other escapes", R"({"a":"\u0041\n\\\""})", nullptr},
      {"a pair", R"("\ud83d\ude00")", nullptr},
      {"capitals", R"("\uD83D\uDE00")", nullptr},
      {"a first half", R"({"a":"x\ud83d"})", R"({"a":"x\ufffd"})"},
      {"a second half", R"({"a":"\ude00x"})", R"({"a":"\ufffdx"})"},
      {"a first half, then a letter", R"("\ud83dx")", R"("\ufffdx")"},
      {"a first half, then another escape", R"("\ud83d\u0041")", R"("\ufffd\u0041")"},
      {"two first halves and a second", R"("\ud83d\ud83d\ude00")", R"("\ufffd\ud83d\ude00")"},
      {"the wrong order", R"("\ude00\ud83d")", R"("\ufffd\ufffd")"},
      {"in a key", R"({"\ud83d":1})", R"({"\ufffd":1})"},
      {"an escaped backslash in front", R"("\\ud83d")", nullptr},
      {"two strings are not one", R"(["\ud83d","\ude00"])", R"(["\ufffd","\ufffd"])"},
  };
  for (const auto& c : cases) {
    const auto replaced = without_lone_halves(c.json);
    EXPECT_EQ(replaced.has_value(), c.replaced != nullptr) << c.name;
    if (!replaced || c.replaced == nullptr) continue;
    EXPECT_EQ(*replaced, c.replaced) << c.name;
    EXPECT_FALSE(parse_json(c.json)) << c.name;
    EXPECT_TRUE(parse_json(*replaced)) << c.name;
  }
}

TEST(JsonHalves, AreFoundWhereTheyStand) {
  const auto halves = lone_halves(R"({"a":"x\ud83d","b":"\ude00y"})");
  ASSERT_EQ(halves.size(), 2U);
  EXPECT_TRUE(halves[0].first && !halves[0].begins_text());
  EXPECT_EQ(halves[0].open, 5U);
  EXPECT_EQ(halves[0].at, 7U);
  EXPECT_TRUE(!halves[1].first && halves[1].begins_text());
}

// Whatever the text is, it stays as long as it was.
TEST(JsonHalves, BrokenTextsAreNoReasonToFail) {
  for (const char* const text :
       {"\\", "\"\\", "\"\\u", "\"\\ud8", "\"\\ud83d", "\"\\ud83d\\", "\"\\ud83d\\u", "\\ud83d",
        "\"\\uzzzz\"", "\"\\ude00\\ud83d\\ude0"}) {
    const std::string given = text;
    EXPECT_EQ(without_lone_halves(given).value_or(given).size(), given.size()) << given;
  }
}

}  // namespace
}  // namespace rocket
