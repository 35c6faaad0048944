#include "schema/conversation.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Conversation, ResultsOfToolsAreOneTurn) {
  std::vector<Turn> turns;
  const auto result = [](std::string_view id) {
    Turn turn{.role = Role::tool};
    turn.parts.push_back({.kind = Part::Kind::tool_result, .id = {id}});
    return turn;
  };
  add_turn(turns, {.role = Role::user});
  add_turn(turns, {.role = Role::user});
  add_turn(turns, result("a"));
  add_turn(turns, result("b"));
  add_turn(turns, {.role = Role::user});
  add_turn(turns, result("c"));
  ASSERT_EQ(turns.size(), 5U);
  ASSERT_EQ(turns[2].parts.size(), 2U);
  EXPECT_EQ(turns[2].parts[1].id.inside, "b");
}

TEST(Conversation, TextsThatWereMadeStayWhereTheyAre) {
  Conversation conversation;
  const std::string_view kept = conversation.kept.keep("short");
  for (int i = 0; i < 100; ++i)
    (void)conversation.kept.keep(std::to_string(i));
  const Conversation moved = std::move(conversation);
  EXPECT_EQ(kept, "short");
}

TEST(Conversation, KnowsWhatItTakes) {
  Conversation conversation;
  EXPECT_EQ(memory_of(conversation), 0U);
  conversation.turns.push_back({.role = Role::tool});
  const size_t one_turn = memory_of(conversation);
  EXPECT_GE(one_turn, sizeof(Turn));
  Part result{.kind = Part::Kind::tool_result};
  result.content.resize(1000);
  conversation.turns.front().parts.push_back(std::move(result));
  const size_t parts = memory_of(conversation);
  EXPECT_GE(parts, one_turn + 1001 * sizeof(Part)) << "what is inside of a part counts too";
  (void)conversation.kept.keep(std::string(5000, 'x'));
  EXPECT_GE(memory_of(conversation), parts + 5000);
  const size_t texts = memory_of(conversation);
  conversation.turns.front().parts.front().citations.resize(100);
  EXPECT_GE(memory_of(conversation), texts + 100 * sizeof(Citation));
}

TEST(Conversation, KnowsAPlainText) {
  std::vector<Part> parts{{.text = {"x"}}};
  EXPECT_EQ(only_text(parts), parts.data());
  parts.push_back({});
  EXPECT_EQ(only_text(parts), nullptr);
  EXPECT_EQ(only_text({}), nullptr);
  EXPECT_TRUE(has_part(parts, Part::Kind::text));
  EXPECT_FALSE(has_part(parts, Part::Kind::image));
  EXPECT_EQ(foreign_type(R"({"a":1,"type":"input_audio"})"), "input_audio");
  EXPECT_EQ(foreign_type("{}"), "part");
}

TEST(RawText, IsWhatItIsHoweverItIsEscaped) {
  const RawText text{R"(\u0061\/b)"};
  EXPECT_TRUE(text.is("a/b"));
  EXPECT_EQ(text.decoded(), "a/b");
}

}  // namespace
}  // namespace rocket
