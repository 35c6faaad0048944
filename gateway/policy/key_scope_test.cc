#include "policy/key_scope.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(KeyScope, GlobsMatchWholeNames) {
  const struct {
    std::string_view glob;
    std::string_view text;
    bool matches;
  } cases[] = {
      {"m", "m", true},
      {"m", "M", false},
      {"m", "mm", false},
      {"m", "", false},
      {"", "", true},
      {"", "m", false},
      {"*", "", true},
      {"*", "any/thing:at-all", true},
      {"qwen*", "qwen", true},
      {"qwen*", "qwen2.5:0.5b", true},
      {"qwen*", "my-qwen", false},
      {"*:latest", "llama3:latest", true},
      {"*:latest", "llama3:latest2", false},
      {"*a*b*", "xxaxxbxx", true},
      {"*a*b*", "xxbxxaxx", false},
      {"a*b", "ab", true},
      {"a*b", "aXbXb", true},
      {"a*b", "aXbX", false},
      {"a**b", "ab", true},
      {"a?b", "aXb", false},
      {"a?b", "a?b", true},
      {"[ab]", "a", false},
      {"a.b", "aXb", false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(matches_glob(c.glob, c.text), c.matches) << c.glob << " ~ " << c.text;
}

// Backtracking over every star would take longer than the universe is old.
TEST(KeyScope, NoGlobTakesLong) {
  std::string glob;
  for (int i = 0; i < 1000; ++i)
    glob += "a*";
  EXPECT_FALSE(matches_glob(glob + "b", std::string(10'000, 'a')));
}

TEST(KeyScope, AllowsWhatItNamesOrEverything) {
  const KeyScope everything;
  EXPECT_TRUE(everything.allows_model("m"));
  EXPECT_TRUE(everything.allows_model(""));
  EXPECT_TRUE(everything.allows_backend("b"));
  const KeyScope some{{"fast", "qwen*"}, {"vllm", "other"}};
  EXPECT_TRUE(some.allows_model("fast"));
  EXPECT_TRUE(some.allows_model("qwen2"));
  EXPECT_FALSE(some.allows_model("faster"));
  EXPECT_FALSE(some.allows_model(""));
  EXPECT_TRUE(some.allows_backend("vllm"));
  EXPECT_FALSE(some.allows_backend("vllm2"));
  EXPECT_FALSE(some.allows_backend("*"));
}

}  // namespace
}  // namespace rocket
