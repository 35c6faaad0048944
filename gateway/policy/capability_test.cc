#include "policy/capability.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr auto yes = Telling::yes;
constexpr auto no = Telling::no;

TEST(Capability, WhatIsNotKnownIsNotLacking) {
  const struct {
    const char* name;
    ModelFacts facts;
    Needs needs;
    Lack expected;
  } cases[] = {
      {"nothing known", {}, {.tools = true, .images = true, .characters = 1'000'000}, Lack::none},
      {"nothing needed", {.tools = no, .vision = no, .context = 1}, {}, Lack::none},
      {"tools", {.tools = yes, .vision = no}, {.tools = true}, Lack::none},
      {"no tools", {.tools = no, .vision = yes}, {.tools = true}, Lack::tools},
      {"images", {.tools = no, .vision = yes}, {.images = true}, Lack::none},
      {"no images", {.tools = yes, .vision = no}, {.images = true}, Lack::vision},
      {"neither", {.tools = no, .vision = no}, {.tools = true, .images = true}, Lack::vision},
      {"just fits", {.context = 1000}, {.characters = 8000}, Lack::none},
      {"may not fit", {.context = 1000}, {.characters = 8001}, Lack::context_maybe},
      {"may fit", {.context = 1000}, {.characters = 32000}, Lack::context_maybe},
      {"can not fit", {.context = 1000}, {.characters = 32001}, Lack::context},
      {"the largest", {.context = 0xffffffff}, {.characters = 1U << 31}, Lack::none},
      {"no tools, and too long", {.tools = no, .context = 1}, {true, false, 100}, Lack::tools},
  };
  for (const auto& c : cases)
    EXPECT_EQ(lack_of(c.facts, c.needs), c.expected) << c.name;
}

TEST(Capability, OnlyWhatTellsOfLimitsIsLimited) {
  EXPECT_FALSE(ModelFacts{}.limited());
  EXPECT_FALSE((ModelFacts{.loaded = false, .tools = yes, .vision = yes}.limited()));
  EXPECT_TRUE(ModelFacts{.tools = no}.limited());
  EXPECT_TRUE(ModelFacts{.vision = no}.limited());
  EXPECT_TRUE(ModelFacts{.context = 8192}.limited());
}

}  // namespace
}  // namespace rocket
