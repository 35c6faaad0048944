#include "schema/dialect.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Dialect, HasAName) {
  EXPECT_EQ(to_string(Dialect::chat), "chat");
  EXPECT_EQ(to_string(Dialect::responses), "responses");
  EXPECT_EQ(to_string(Dialect::anthropic), "anthropic");
  EXPECT_EQ(to_string(Dialect::ollama), "ollama");
  EXPECT_EQ(to_string(Dialect::generate), "generate");
}

TEST(Dialect, TwoOfThemAreOllamas) {
  EXPECT_TRUE(is_ollama(Dialect::ollama));
  EXPECT_TRUE(is_ollama(Dialect::generate));
  EXPECT_FALSE(is_ollama(Dialect::chat));
}

}  // namespace
}  // namespace rocket
