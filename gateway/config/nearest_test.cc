#include "config/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace rocket {
namespace {

constexpr std::array<std::string_view, 7> known{"timeouts", "threads", "health",     "heartbeat",
                                                "models",   "to",      "first_token"};

TEST(Nearest, FindsTheWordThatWasMeant) {
  struct Case {
    std::string_view word;
    std::optional<std::string_view> expected;
  };
  const Case cases[] = {
      {"timeouts", "timeouts"},      {"timeout", "timeouts"},  // a letter missing
      {"ttimeouts", "timeouts"},                               // one too many
      {"timeoots", "timeouts"},                                // a wrong one
      {"timeuots", "timeouts"},                                // two swapped
      {"tiemuots", "timeouts"},                                // both at once
      {"Threads", "threads"},        {"first-token", "first_token"},
      {"firstToken", "first_token"}, {"mod", "models"},     // the beginning
      {"models_list", "models"},     {"heart", "health"},   // two slips come before a beginning
      {"he", std::nullopt},          {"ab", std::nullopt},  // two slips from "to", of two letters
      {"retries", std::nullopt},     {"", std::nullopt},
  };
  for (const Case& c : cases)
    EXPECT_EQ(nearest(c.word, known), c.expected) << c.word;
}

TEST(Suggestion, ListsWhatIsKnownIfNothingIsNear) {
  EXPECT_EQ(suggestion("thread", known), "did you mean \"threads\"?");
  EXPECT_EQ(suggestion("retries", std::array<std::string_view, 2>{"models", "to"}),
            "known here: models, to");
  EXPECT_EQ(suggestion("retries", {}), "remove it");
}

TEST(Suggestion, DoesNotListWithoutEnd) {
  const std::vector<std::string_view> many(1000, "a_rather_long_name");
  const std::string text = suggestion("x", many);
  EXPECT_LT(text.size(), 600U);
  EXPECT_TRUE(text.ends_with(", ...")) << text;
}

}  // namespace
}  // namespace rocket
