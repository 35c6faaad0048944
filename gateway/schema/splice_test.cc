#include "schema/splice.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

TEST(Splice, ReplacesPartsOfAText) {
  const struct {
    const char* name;
    std::string_view text;
    std::vector<Edit> edits;
    const char* expected;
  } cases[] = {
      {"nothing", "", {}, ""},
      {"no edits", "abc", {}, "abc"},
      {"into nothing", "", {{0, 0, "x"}}, "x"},
      {"in front", "abc", {{0, 0, "x"}}, "xabc"},
      {"behind", "abc", {{3, 3, "x"}}, "abcx"},
      {"between", "abc", {{1, 1, "x"}}, "axbc"},
      {"replaced", "abc", {{1, 2, "xyz"}}, "axyzc"},
      {"cut out", "abc", {{1, 2, ""}}, "ac"},
      {"all of it", "abc", {{0, 3, ""}}, ""},
      {"side by side", "abcd", {{1, 2, "x"}, {2, 3, "y"}}, "axyd"},
      {"twice in one place", "abc", {{1, 1, "x"}, {1, 1, "y"}}, "axybc"},
      {"in front of what is replaced", "abc", {{1, 1, "x"}, {1, 2, "y"}}, "axyc"},
      {"with a tail", "abc", {{1, 2, "x", "yz"}, {2, 2, "!"}}, "axyz!c"},
      {"first and last", "abc", {{0, 1, "x"}, {2, 3, "y"}}, "xby"},
  };
  for (const auto& c : cases) {
    std::string all;
    for (const std::string_view piece : splice(c.text, c.edits))
      all += piece;
    EXPECT_EQ(all, c.expected) << c.name;
  }
}

TEST(Splice, CopiesNothing) {
  const std::string text = "abcdef";
  const std::vector<Edit> edits{{1, 2, "a text too long for the string itself to hold"},
                                {4, 4, "y"}};
  for (const std::string_view piece : splice(text, edits)) {
    const auto within = [&](const std::string& whole) {
      return piece.data() >= whole.data() &&
             piece.data() + piece.size() <= whole.data() + whole.size();
    };
    EXPECT_TRUE(within(text) || within(edits[0].text) || within(edits[1].text)) << piece;
  }
}

TEST(SpliceDeathTest, RefusesWhatIsNoOrderedListOfEdits) {
  const auto pieces = [](std::vector<Edit> edits) { return splice("abc", edits).size(); };
  EXPECT_DEATH(static_cast<void>(pieces({{1, 3, ""}, {2, 3, ""}})), "position <= edit.begin");
  EXPECT_DEATH(static_cast<void>(pieces({{2, 3, ""}, {0, 1, ""}})), "position <= edit.begin");
  EXPECT_DEATH(static_cast<void>(pieces({{2, 1, ""}})), "edit.begin <= edit.end");
  EXPECT_DEATH(static_cast<void>(pieces({{2, 4, ""}})), "edit.end <= text.size()");
}

}  // namespace
}  // namespace rocket
