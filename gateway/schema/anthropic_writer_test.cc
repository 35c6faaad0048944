#include "schema/anthropic_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "schema/anthropic_reader.h"
#include "schema/chat_reader.h"

namespace rocket {
namespace {

struct Written {
  std::string text;
  std::string loss;
};

Written write(const std::string& members, std::string_view messages, const RequestFrame& frame) {
  const std::string body = R"({"model":"m",)" + members + (members.empty() ? "" : ",") +
                           R"("messages":)" + std::string(messages) + "}";
  TranslationLoss loss;
  const auto read = read_chat_request(body, loss);
  EXPECT_TRUE(read) << body;
  if (!read) return {};
  std::string text = write_anthropic_request(*read, frame, loss).joined();
  return {text, loss.to_string()};
}

Written write(const std::string& members, std::string_view messages,
              std::int64_t max_tokens = 4000) {
  return write(members, messages, RequestFrame{.max_tokens = max_tokens});
}

constexpr std::string_view hi = R"([{"role":"user","content":"Hi"}])";
constexpr std::string_view said =
    R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}])";

TEST(AnthropicWriter, SettingsAreBroughtIntoItsRange) {
  const std::string head = R"({"model":"m","max_tokens":)";
  const struct {
    const char* name;
    std::string members;
    std::string written;  // of the request, without model and messages
    std::string_view loss;
  } cases[] = {
      {"nothing", "", "4000,@", ""},
      {"a limit", R"("max_tokens":7)", "7,@", ""},
      {"a limit that is none", R"("max_tokens":"7")", R"("7",@)", ""},
      {"a format that only some know", R"("response_format":{"type":"grammar"})", "4000,@",
       "dropped=response_format"},
      {"a stream", R"("stream":true)", R"(4000,"stream":true,@)", ""},
      {"warm", R"("temperature":0.3)", R"(4000,@,"temperature":0.3)", ""},
      {"too hot", R"("temperature":1.5)", R"(4000,@,"temperature":1)", "emulated=temperature"},
      {"likely words", R"("top_p":0.9)", R"(4000,@,"top_p":0.9)", ""},
      {"warm, and likely words", R"("temperature":0.3,"top_p":0.9)", R"(4000,@,"temperature":0.3)",
       "dropped=top_p"},
      {"warm, and any words", R"("temperature":0.3,"top_p":1.0)", R"(4000,@,"temperature":0.3)",
       ""},
      {"to think in likely words", R"("reasoning_effort":"low","top_p":0.9)",
       R"(4000,@,"top_p":0.9,"thinking":{"type":"disabled"})", "dropped=thinking"},
      {"to think in almost any words", R"("reasoning_effort":"low","top_p":0.95)",
       R"(4000,@,"top_p":0.95,"thinking":{"type":"enabled","budget_tokens":2000})",
       "emulated=thinking"},
      {"stops", R"("stop":[" ","END"])", R"(4000,@,"stop_sequences":["END"])", "dropped=stop"},
      {"a user", R"("user":"u")", R"(4000,@,"metadata":{"user_id":"u"})", ""},
      {"not to think", R"("reasoning_effort":"none")", R"(4000,@,"thinking":{"type":"disabled"})",
       ""},
      {"to think", R"("reasoning_effort":"low")",
       R"(4000,@,"thinking":{"type":"enabled","budget_tokens":2000})", "emulated=thinking"},
      {"to think within the limit", R"("reasoning_effort":"high","max_tokens":3000)",
       R"(3000,@,"thinking":{"type":"enabled","budget_tokens":1500})", "emulated=thinking"},
      {"no room to think", R"("reasoning_effort":"high","max_tokens":2000)",
       R"(2000,@,"thinking":{"type":"disabled"})", "dropped=thinking"},
      {"to think and to call a tool",
       R"("reasoning_effort":"low","tools":[{"type":"function","function":{"name":"f"}}],)"
       R"("tool_choice":"required")",
       R"(4000,"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],)"
       R"("tool_choice":{"type":"any"},@,"thinking":{"type":"disabled"})",
       "dropped=thinking"},
      {"JSON", R"("response_format":{"type":"json_object"})", "4000,@", "dropped=response_format"},
      {"a schema",
       R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"a":1}}})",
       R"(4000,@,"output_config":{"format":{"type":"json_schema","schema":{"a":1}}})", ""},
      {"what a schema is for",
       R"("response_format":{"type":"json_schema","json_schema":{"description":"d","schema":{}}})",
       R"(4000,@,"output_config":{"format":{"type":"json_schema","schema":{}}})",
       "dropped=response_format.description"},
      {"a schema of what may have anything besides",
       R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":)"
       R"({"type":"object","properties":{"a":{"type":"string"}}}}})",
       R"(4000,@,"output_config":{"format":{"type":"json_schema","schema":{"type":"object",)"
       R"("properties":{"a":{"type":"string"}},"additionalProperties":false}}})",
       "emulated=response_format"},
      {"a choice without tools", R"("tool_choice":"required")", "4000,@", ""},
      {"tools",
       R"("tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false)",
       R"(4000,"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],)"
       R"("tool_choice":{"type":"auto","disable_parallel_tool_use":true},@)",
       ""},
  };
  for (const auto& one : cases) {
    std::string expected = head + one.written + "}";
    expected.replace(expected.find('@'), 1, said);
    const Written written = write(one.members, hi);
    EXPECT_EQ(written.text, expected) << one.name;
    EXPECT_EQ(written.loss, one.loss) << one.name;
  }
}

TEST(AnthropicWriter, ThinkingComesOnTopOfAnAnswerOfUnknownLength) {
  EXPECT_TRUE(write("", hi, 0).text.contains(R"("max_tokens":4096,)"));
  EXPECT_TRUE(write("", hi, 64'000).text.contains(R"("max_tokens":64000,)"));
  const std::string thinking = write(R"("reasoning_effort":"high")", hi, 0).text;
  EXPECT_TRUE(thinking.contains(R"("max_tokens":20480,)")) << thinking;
  EXPECT_TRUE(thinking.contains(R"("budget_tokens":16384)")) << thinking;
  const std::string known = write(R"("reasoning_effort":"high")", hi, 64'000).text;
  EXPECT_TRUE(known.contains(R"("budget_tokens":16384)")) << known;
}

// The provider refuses to think on from calls whose thinking is not there, signed by itself.
TEST(AnthropicWriter, DoesNotThinkInTheMiddleOfAToolsLoop) {
  const std::string effort = R"("reasoning_effort":"low","max_tokens":9000)";
  const std::string call =
      R"([{"role":"user","content":"Hi"},{"role":"assistant","reasoning_content":"Hm",)"
      R"("content":null,"tool_calls":[{"id":"a","type":"function",)"
      R"("function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"1"})";
  const Written inside = write(effort, call + "]");
  EXPECT_TRUE(inside.text.contains(R"("thinking":{"type":"disabled"})")) << inside.text;
  EXPECT_EQ(inside.loss, "dropped=thinking");
  const Written behind =
      write(effort, call + R"(,{"role":"assistant","content":"1"},{"role":"user","content":"?"}])");
  EXPECT_TRUE(behind.text.contains(R"("budget_tokens":2048)")) << behind.text;
}

TEST(AnthropicWriter, SaysNothingThatIsRefused) {
  const Written blank = write(
      "",
      R"([{"role":"user","content":" \n"},{"role":"user","content":[{"type":"text","text":"x"}]}])");
  EXPECT_TRUE(blank.text.ends_with(
      R"("messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]})"))
      << blank.text;
  const Written tool = write(
      R"("tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{}}}}])",
      hi);
  EXPECT_TRUE(tool.text.contains(R"("input_schema":{"type":"object","properties":{}})"))
      << tool.text;
}

TEST(AnthropicWriter, TurnsAlternateAndResultsComeFirst) {
  const Written written = write(
      "",
      R"([{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"user","content":""},)"
      R"({"role":"user","content":"b"},{"role":"assistant","content":"","tool_calls":[)"
      R"({"id":"x:1","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"x:1","content":"1"},{"role":"system","content":"t"},)"
      R"({"role":"user","content":"c"}])");
  EXPECT_EQ(written.text,
            R"({"model":"m","max_tokens":4000,"system":[{"type":"text","text":"s"}],)"
            R"("messages":[{"role":"user","content":[{"type":"text","text":"a"},)"
            R"({"type":"text","text":"b"}]},{"role":"assistant","content":[)"
            R"({"type":"tool_use","id":"rocket_x-3a1","name":"f","input":{}}]},)"
            R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"rocket_x-3a1",)"
            R"("content":"1"},{"type":"text","text":"t"},{"type":"text","text":"c"}]}]})");
  EXPECT_EQ(written.loss, "emulated=system");
}

// Newer models refuse a budget, and the newest to be told not to think.
TEST(AnthropicWriter, AModelThatThinksAsItFindsRightIsToldTheEffort) {
  const std::string adaptive = R"("thinking":{"type":"adaptive"})";
  const std::string tool = R"("tools":[{"type":"function","function":{"name":"f"}}],)";
  const std::string call =
      R"([{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"a",)"
      R"("type":"function","function":{"name":"f","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"a","content":"1"}])";
  const auto effort = [&](const std::string& word) {
    return adaptive + R"(,"output_config":{"effort":")" + word + R"("})";
  };
  const struct {
    const char* name;
    std::string members;
    std::string messages;
    ThinkingFacts facts;
    std::string ends;
    std::string_view loss;
  } cases[] = {
      {"as it is", R"("reasoning_effort":"low")", std::string(hi), {}, effort("low"), ""},
      {"within any limit",
       R"("reasoning_effort":"max","max_tokens":100)",
       std::string(hi),
       {},
       effort("max"),
       ""},
      {"the least",
       R"("reasoning_effort":"minimal")",
       std::string(hi),
       {},
       effort("low"),
       "emulated=thinking"},
      {"not quite the most",
       R"("reasoning_effort":"xhigh")",
       std::string(hi),
       {},
       effort("high"),
       "emulated=thinking"},
      {"not quite the most, known",
       R"("reasoning_effort":"xhigh")",
       std::string(hi),
       {.xhigh = true},
       effort("xhigh"),
       ""},
      {"in a tool's loop", R"("reasoning_effort":"high")", call, {}, effort("high"), ""},
      {"none",
       R"("reasoning_effort":"none")",
       std::string(hi),
       {},
       R"("thinking":{"type":"disabled"})",
       ""},
      {"a forced call",
       tool + R"("tool_choice":"required","reasoning_effort":"high")",
       std::string(hi),
       {},
       R"("thinking":{"type":"disabled"})",
       "dropped=thinking"},
      {"none of who always thinks",
       R"("reasoning_effort":"none")",
       std::string(hi),
       {.always = true},
       std::string(said),
       "dropped=thinking"},
  };
  for (const auto& one : cases) {
    RequestFrame frame{.max_tokens = 4000, .thinking = one.facts};
    frame.thinking.adaptive = true;
    const Written written = write(one.members, one.messages, frame);
    EXPECT_TRUE(written.text.ends_with(one.ends + "}")) << one.name << ": " << written.text;
    EXPECT_EQ(written.loss, one.loss) << one.name;
  }
}

// What a provider's cache knows of a prompt is how it begins.
TEST(AnthropicWriter, ALongerConversationBeginsAsTheShorterOne) {
  const std::string tools = R"("tools":[{"type":"function","function":{"name":"f"}}])";
  const std::string shorter = write(tools, hi).text;
  const std::string longer =
      write(tools, R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"}])").text;
  EXPECT_TRUE(longer.starts_with(shorter.substr(0, shorter.size() - 2))) << longer;
}

// It may have to be written anew for the provider itself, without what nobody has signed.
TEST(AnthropicWriter, WhatIsTheProvidersOwnStaysWhereItStands) {
  const std::string_view bodies[] = {
      R"({"model":"m","max_tokens":9,"thinking":{"type":"adaptive","display":"omitted"},)"
      R"("output_config":{"effort":"low","task_budget":{"total":5},"format":{"type":"json_schema",)"
      R"("schema":{"type":"object"}}},"metadata":{"user_id":"u","x":1},"container":"c"})",
      R"({"model":"m","max_tokens":9,"thinking":{"type":"enabled","budget_tokens":1024,)"
      R"("display":"summarized"},"metadata":{"x":1},"output_config":{"format":{"type":"new"}}})",
      R"({"model":"m","max_tokens":9,"thinking":{"type":"disabled","x":1}})",
      R"({"model":"m","max_tokens":9,"thinking":{"type":"between_tools","x":1}})",
  };
  for (const std::string_view body : bodies) {
    nlohmann::json asked = nlohmann::json::parse(body);
    asked["messages"] =
        nlohmann::json::parse(R"([{"role":"user","content":[{"type":"text","text":"x"}]}])");
    const std::string text = asked.dump();
    const auto read = read_anthropic_request(text);
    ASSERT_TRUE(read);
    TranslationLoss loss;
    EXPECT_EQ(nlohmann::json::parse(write_anthropic_request(*read, {}, loss).joined()), asked);
    EXPECT_EQ(loss.to_string(), "");
  }
}

TEST(AnthropicWriter, ARefusalIsNoEndOfATurn) {
  Answer answer;
  answer.parts.push_back({.kind = Part::Kind::refusal, .text = {"No."}});
  TranslationLoss loss;
  const auto written = [&] { return write_anthropic_answer(answer, {.id = "r"}, loss).joined(); };
  EXPECT_TRUE(written().contains(R"("stop_reason":"refusal")")) << written();
  answer.stop = StopReason::max_tokens;
  EXPECT_TRUE(written().contains(R"("stop_reason":"max_tokens")")) << written();
}

TEST(AnthropicWriter, ForeignThinkingIsNotForged) {
  const Written written =
      write("", R"([{"role":"user","content":"Hi"},)"
                R"({"role":"assistant","reasoning_content":"Hm","content":"x"}])");
  EXPECT_FALSE(written.text.contains("Hm"));
  EXPECT_EQ(written.loss, "dropped=thinking");
}

}  // namespace
}  // namespace rocket
