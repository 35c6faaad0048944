#include "schema/legacy_functions.h"

#include <gtest/gtest.h>

#include "schema/translator.h"

namespace rocket {
namespace {

TEST(LegacyFunctions, AResultIsOfTheCallBeforeIt) {
  KeptTexts kept;
  LegacyCalls calls(kept);
  EXPECT_EQ(calls.end({"f"}).inside, "f");
  EXPECT_EQ(calls.begin({"f"}).inside, "function_call_0");
  EXPECT_EQ(calls.end({"g"}).inside, "g");
  EXPECT_EQ(calls.end({R"(\u0066)"}).inside, "function_call_0");
  EXPECT_EQ(calls.end({"f"}).inside, "f");
  EXPECT_EQ(calls.begin({"f"}).inside, "function_call_1");
  EXPECT_EQ(calls.begin({"f"}).inside, "function_call_2");
  EXPECT_EQ(calls.end({}).inside, "function_call_2");
}

TEST(LegacyFunctions, OnlyCallsHaveAnotherWord) {
  EXPECT_EQ(legacy_stop_word(StopReason::tool_use), "function_call");
  EXPECT_EQ(legacy_stop_word(StopReason::end), "stop");
  EXPECT_EQ(legacy_stop_word(StopReason::max_tokens), "length");
  EXPECT_EQ(legacy_stop_word(StopReason::content_filter), "content_filter");
}

// What Anthropic is asked for `members` besides what all have.
std::string asked(std::string_view members, std::string_view messages, TranslationLoss& loss) {
  const std::string body = R"({"model":"m","max_tokens":9,)" + std::string(members) +
                           R"("messages":[{"role":"user","content":"hi"})" + std::string(messages) +
                           "]}";
  const auto read = read_request(Dialect::chat, body, loss);
  EXPECT_TRUE(read) << read.error().detail;
  return write_request(Dialect::anthropic, *read, {}, loss).joined();
}

constexpr std::string_view hi = R"({"role":"user","content":[{"type":"text","text":"hi"}]})";
constexpr std::string_view functions =
    R"("functions":[{"name":"f","description":"d","parameters":{"type":"object"}},{"name":"g"}],)";
constexpr std::string_view as_tools =
    R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},)"
    R"({"name":"g","input_schema":{"type":"object","properties":{}}}],)";

TEST(LegacyFunctions, AreAskedForAsTools) {
  const struct {
    std::string_view members;
    std::string_view tools;
    std::string_view choice;
    std::string_view loss;
  } cases[] = {
      {"", as_tools, R"({"type":"auto","disable_parallel_tool_use":true})", ""},
      {R"("function_call":"auto",)", as_tools,
       R"({"type":"auto","disable_parallel_tool_use":true})", ""},
      {R"("function_call":"none",)", as_tools, R"({"type":"none"})", ""},
      {R"("function_call":{"name":"g"},)", as_tools,
       R"({"type":"tool","name":"g","disable_parallel_tool_use":true})", ""},
      {R"("function_call":null,)", as_tools, R"({"type":"auto","disable_parallel_tool_use":true})",
       ""},
      {R"("function_call":7,)", as_tools, R"({"type":"auto","disable_parallel_tool_use":true})",
       "dropped=function_call"},
  };
  for (const auto& c : cases) {
    TranslationLoss loss;
    const std::string written = asked(std::string(functions) + std::string(c.members), "", loss);
    EXPECT_TRUE(written.contains(c.tools)) << written;
    EXPECT_TRUE(written.contains("\"tool_choice\":" + std::string(c.choice))) << written;
    EXPECT_EQ(loss.to_string(), c.loss) << c.members;
  }
}

TEST(LegacyFunctions, WithoutAnyOrBesideToolsTheyAreNamedAsLost) {
  const struct {
    std::string members;
    std::string_view loss;
  } cases[] = {
      {R"("functions":null,"function_call":null,)", ""},
      {R"("functions":[],)", ""},
      {R"("function_call":"auto",)", "dropped=function_call"},
      {R"("tools":[{"type":"function","function":{"name":"t"}}],)" + std::string(functions),
       "dropped=functions"},
  };
  for (const auto& c : cases) {
    TranslationLoss loss;
    const std::string written = asked(c.members, "", loss);
    EXPECT_FALSE(written.contains(R"("name":"f")")) << written;
    EXPECT_FALSE(written.contains("tool_choice")) << written;
    EXPECT_EQ(loss.to_string(), c.loss) << c.members;
  }
}

TEST(LegacyFunctions, CallsAndResultsOfAConversationBelongTogether) {
  TranslationLoss loss;
  const std::string written = asked(
      functions,
      R"(,{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}},)"
      R"({"role":"function","name":"f","content":"one"},)"
      R"({"role":"assistant","content":"Again.","function_call":{"name":"f","arguments":""}},)"
      R"({"role":"function","name":"f","content":"two"})",
      loss);
  const std::string messages =
      R"("messages":[)" + std::string(hi) +
      R"(,{"role":"assistant","content":[{"type":"tool_use","id":"function_call_0","name":"f",)"
      R"("input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result",)"
      R"("tool_use_id":"function_call_0","content":"one"}]},)"
      R"({"role":"assistant","content":[{"type":"text","text":"Again."},{"type":"tool_use",)"
      R"("id":"function_call_1","name":"f","input":{}}]},{"role":"user","content":[{)"
      R"("type":"tool_result","tool_use_id":"function_call_1","content":"two"}]}])";
  EXPECT_TRUE(written.contains(messages)) << written;
  EXPECT_EQ(loss.to_string(), "");
}

TEST(LegacyFunctions, FaultsAreNamed) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"("functions":{})", "`functions` must be a list"},
      {R"("functions":["f"])", "a member of `functions` must be an object"},
      {R"("functions":[{"name":7}])", "`functions.name` must be a string"},
      {R"("functions":[{"name":"f"}],"function_call":{"name":7})",
       "`function_call.name` must be a string"},
  };
  for (const auto& [members, fault] : cases) {
    TranslationLoss loss;
    const auto read = read_request(
        Dialect::chat,
        "{" + std::string(members) + R"(,"messages":[{"role":"user","content":"hi"}]})", loss);
    ASSERT_FALSE(read) << members;
    EXPECT_EQ(read.error().detail, fault);
  }
}

constexpr AnswerFrame frame{.id = "r1", .model = "m", .created = 7, .legacy_functions = true};

// What Anthropic says of `content`, as the client is told it.
std::string told(std::string_view content, std::string_view stop, TranslationLoss& loss) {
  // The answer views into it.
  const std::string said = R"({"type":"message","role":"assistant","content":[)" +
                           std::string(content) + R"(],"stop_reason":")" + std::string(stop) +
                           R"("})";
  const auto answer = read_answer(Dialect::anthropic, said, loss);
  EXPECT_TRUE(answer);
  return write_answer(Dialect::chat, *answer, frame, loss).joined();
}

TEST(LegacyFunctions, AnAnswerHasItsCallWhereItsClientLooks) {
  TranslationLoss loss;
  const std::string call = R"({"type":"tool_use","id":"t","name":"f","input":{"a":1}})";
  const std::string one = told(R"({"type":"text","text":"So."},)" + call, "tool_use", loss);
  EXPECT_TRUE(one.contains(R"("message":{"role":"assistant","content":"So.","refusal":null,)"
                           R"("function_call":{"name":"f","arguments":"{\"a\":1}"}})"))
      << one;
  EXPECT_TRUE(one.contains(R"("finish_reason":"function_call")")) << one;
  EXPECT_FALSE(one.contains("tool_calls")) << one;
  EXPECT_EQ(loss.to_string(), "");
  // There is room for one.
  const std::string two = told(call + "," + call, "tool_use", loss);
  EXPECT_TRUE(two.contains(R"("content":null)")) << two;
  EXPECT_EQ(loss.to_string(), "dropped=tool_calls");
  TranslationLoss none;
  const std::string text = told(R"({"type":"text","text":"So."})", "end_turn", none);
  EXPECT_TRUE(text.contains(R"("finish_reason":"stop")")) << text;
  EXPECT_FALSE(text.contains("function_call")) << text;
}

// Of a server that speaks so itself, to a client of another dialect.
TEST(LegacyFunctions, CallsOfAnAnswerAreReadWhereThereIsNoOther) {
  const std::string older = R"("function_call":{"name":"f","arguments":"{\"a\":1}"})";
  const std::string newer =
      R"("tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}])";
  for (const std::string& message :
       {older, older + "," + newer, newer + "," + older, newer + R"(,"function_call":null)"}) {
    TranslationLoss loss;
    const std::string answer =
        R"({"choices":[{"finish_reason":"function_call","message":{"content":null,)" + message +
        "}}]}";
    const auto read = read_answer(Dialect::chat, answer, loss);
    ASSERT_TRUE(read) << message;
    ASSERT_EQ(read->parts.size(), 1U) << message;
    EXPECT_EQ(read->parts[0].name.inside, "f");
    EXPECT_EQ(read->parts[0].arguments, R"({"a":1})");
    EXPECT_EQ(read->stop, StopReason::tool_use);
    EXPECT_EQ(loss.to_string(), "");
  }
}

}  // namespace
}  // namespace rocket
