#include "schema/allowed_tools.h"

#include <gtest/gtest.h>

#include "schema/chat_reader.h"
#include "schema/responses_reader.h"

namespace rocket {
namespace {

using Kind = ToolChoice::Kind;

std::string names_in(const Conversation& conversation) {
  std::string names;
  for (const Tool& tool : conversation.tools)
    names += std::string(tool.name.inside) + " ";
  return names;
}

// The list may stand before the choice or behind it.
TEST(AllowedTools, OthersAreNotShown) {
  const std::string chat_tools =
      R"("tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}},)"
      R"({"type":"function","function":{"name":"h\u0061"}}],)";
  const struct {
    const char* allowed;
    Kind kind;
    const char* left;
    const char* loss;
  } cases[] = {
      {R"("mode":"auto","tools":[{"type":"function","function":{"name":"ha"}}])", Kind::automatic,
       "h\\u0061 ", "emulated=tool_choice,emulated=tools"},
      {R"("mode":"required","tools":[{"type":"function","function":{"name":"f"}},)"
       R"({"type":"function","function":{"name":"ha"}}])",
       Kind::required, "f h\\u0061 ", "emulated=tool_choice,emulated=tools"},
      {R"("mode":"required","tools":[{"type":"function","function":{"name":"nope"}}])",
       Kind::automatic, "", "emulated=tool_choice,emulated=tools"},
      {R"("mode":"required")", Kind::automatic, "", "emulated=tool_choice,emulated=tools"},
  };
  for (const auto& one : cases) {
    const std::string choice = R"("tool_choice":{"type":"allowed_tools","allowed_tools":{)" +
                               std::string(one.allowed) + "}},";
    for (const bool first : {false, true}) {
      TranslationLoss loss;
      const std::string members = first ? choice + chat_tools : chat_tools + choice;
      const std::string body = "{" + members + R"("messages":[{"role":"user","content":"x"}]})";
      const auto read = read_chat_request(body, loss);
      ASSERT_TRUE(read) << read.error().detail;
      EXPECT_EQ(read->tool_choice.kind, one.kind) << one.allowed;
      EXPECT_EQ(names_in(*read), one.left) << one.allowed;
      EXPECT_EQ(loss.to_string(), one.loss) << one.allowed;
      EXPECT_TRUE(read->extra.empty()) << one.allowed;
    }
  }
}

TEST(AllowedTools, AreTheSameInResponses) {
  const std::string body =
      R"({"input":"x","tool_choice":{"type":"allowed_tools","mode":"required",)"
      R"("tools":[{"type":"function","name":"f"}]},"tools":[{"type":"function","name":"f"},)"
      R"({"type":"function","name":"g"}]})";
  TranslationLoss loss;
  const auto read = read_responses_request(body, loss);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->tool_choice.kind, Kind::required);
  EXPECT_EQ(names_in(*read), "f ");
  EXPECT_EQ(loss.to_string(), "emulated=tool_choice,emulated=tools");
}

}  // namespace
}  // namespace rocket
