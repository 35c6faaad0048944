#include "schema/sealed_thoughts.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using Kind = Part::Kind;

std::string seal_of(const Part& part) {
  JsonPieces out;
  write_seal(part, out);
  return out.joined();
}

TEST(SealedThoughts, ComeBackAsTheyWent) {
  const struct {
    const char* name;
    Part part;
    std::string_view seal;
  } cases[] = {
      {"signed",
       {.kind = Kind::thinking, .text = {R"(Hm: \"\u00fc\")"}, .signature = {R"(c2ln+\/=)"}},
       R"("rocket.anthropic.thinking:c2ln+\/=:Hm: \"\u00fc\"")"},
      {"signed, and not shown",
       {.kind = Kind::thinking, .signature = {"c2ln"}},
       R"("rocket.anthropic.thinking:c2ln:")"},
      {"redacted",
       {.kind = Kind::redacted_thinking, .text = {"c2VhbA=="}},
       R"("rocket.anthropic.redacted:c2VhbA==")"},
  };
  for (const auto& one : cases) {
    EXPECT_TRUE(is_sealed(one.part)) << one.name;
    const std::string seal = seal_of(one.part);
    EXPECT_EQ(seal, one.seal) << one.name;
    Part read{.kind = Kind::thinking, .text = {"shortened by the client"}};
    ASSERT_TRUE(read_seal({std::string_view(seal).substr(1, seal.size() - 2)}, read)) << one.name;
    EXPECT_EQ(read.kind, one.part.kind) << one.name;
    EXPECT_EQ(read.text.inside, one.part.text.inside) << one.name;
    EXPECT_EQ(read.signature.inside, one.part.signature.inside) << one.name;
  }
}

TEST(SealedThoughts, OfOthersAreNotOurs) {
  for (const std::string_view other :
       {"", "gAAAAABo", "rocket.anthropic.", "rocket.anthropic.thinking:c2ln",
        "rocket.anthropic.thinking::x", "xrocket.anthropic.redacted:x"}) {
    Part part{.kind = Kind::thinking, .text = {"x"}};
    EXPECT_FALSE(read_seal({other}, part)) << other;
    EXPECT_EQ(part.text.inside, "x");
    EXPECT_TRUE(part.signature.empty());
  }
  EXPECT_FALSE(is_sealed({.kind = Kind::thinking, .text = {"x"}}));
  EXPECT_FALSE(is_sealed({.text = {"x"}, .signature = {"s"}}));
}

TEST(SealedThoughts, AreAskedFor) {
  const struct {
    std::string_view key;
    std::string_view json;
    bool asks;
  } cases[] = {
      {"include", R"(["reasoning.encrypted_content"])", true},
      {"include", "[]", true},
      {"include", R"(["reasoning.encrypted_content","file_search_call.results"])", false},
      {"include", R"("reasoning.encrypted_content")", false},
      {"exclude", R"(["reasoning.encrypted_content"])", false},
  };
  for (const auto& one : cases)
    EXPECT_EQ(asks_for_seals({one.key, one.json}), one.asks) << one.key << one.json;
}

}  // namespace
}  // namespace rocket
