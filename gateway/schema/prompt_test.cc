#include "schema/prompt.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Prompt, CountsCharacters) {
  const struct {
    const char* name;
    std::string_view prompt;
    std::uint64_t expected;
  } cases[] = {
      {"nothing", "", 0},
      {"with its quotes", R"("abc")", 5},
      {"umlauts", "\"\u00e4\u00f6\"", 4},
      {"Chinese", "\"\u4f60\u597d\"", 4},
      {"an emoji", "\"\U0001f600\"", 3},
      {"line breaks", R"("a\nb\n")", 6},
      {"a quote and a backslash", R"("\"\\")", 4},
      {"an escaped character", R"("\u4f60\u597d")", 4},
      {"cut behind a backslash", R"("\)", 2},
      {"cut inside of an escape", R"("\u4f)", 2},
  };
  for (const auto& c : cases)
    EXPECT_EQ(count_characters(c.prompt), c.expected) << c.name;
}

}  // namespace
}  // namespace rocket
