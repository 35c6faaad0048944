#include "schema/chat_writer.h"

#include <gtest/gtest.h>

#include "schema/anthropic_reader.h"

namespace rocket {
namespace {

struct Written {
  std::string text;
  std::string loss;
};

Written write(std::string_view anthropic, const RequestFrame& frame = {}) {
  TranslationLoss loss;
  const auto read = read_anthropic_request(anthropic);
  EXPECT_TRUE(read) << anthropic;
  if (!read) return {};
  std::string text = write_chat_request(*read, frame, loss).joined();
  return {text, loss.to_string()};
}

TEST(ChatWriter, WritesWhatCodingAgentsAsk) {
  const Written written = write(
      R"({"model":"claude","max_tokens":9,"stream":true,"system":"Be brief.",)"
      R"("tools":[{"name":"f","input_schema":{"type":"object"}}],)"
      R"("tool_choice":{"type":"any"},"messages":[{"role":"user","content":"x"},)"
      R"({"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":"\""}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"},)"
      R"({"type":"text","text":"go on"}]}]})",
      {.model = "llama3"});
  EXPECT_EQ(written.text,
            R"({"model":"llama3","stream":true,"stream_options":{"include_usage":true},)"
            R"("max_tokens":9,"tools":[{"type":"function","function":{"name":"f",)"
            R"("parameters":{"type":"object"}}}],"tool_choice":"required",)"
            R"("messages":[{"role":"system","content":"Be brief."},)"
            R"({"role":"user","content":"x"},{"role":"assistant","content":null,)"
            R"("tool_calls":[{"id":"t","type":"function","function":{"name":"f",)"
            R"("arguments":"{\"a\":\"\\\"\"}"}}]},)"
            R"({"role":"tool","tool_call_id":"t","content":"1"},)"
            R"({"role":"user","content":"go on"}]})");
  EXPECT_EQ(written.loss, "");
}

TEST(ChatWriter, WithoutAdditionsSaysOnlyWhatOpenAiKnows) {
  const Written written =
      write(R"({"model":"m","max_tokens":9,"top_k":3,"messages":[{"role":"assistant","content":[)"
            R"({"type":"thinking","thinking":"Hm","signature":"s"},{"type":"text","text":"x"}]}]})",
            {.additions = false});
  EXPECT_EQ(written.text, R"({"model":"m","max_completion_tokens":9,"messages":[)"
                          R"({"role":"assistant","content":"x"}]})");
  EXPECT_EQ(written.loss, "dropped=top_k,dropped=thinking");
}

TEST(ChatWriter, BudgetsBecomeEfforts) {
  const struct {
    std::string_view thinking;
    std::string_view effort;
    std::string_view loss;
  } cases[] = {
      {R"({"type":"disabled"})", R"("reasoning_effort":"none")", ""},
      {R"({"type":"enabled","budget_tokens":1024})", R"("reasoning_effort":"low")",
       "emulated=thinking"},
      {R"({"type":"enabled","budget_tokens":8000})", R"("reasoning_effort":"medium")",
       "emulated=thinking"},
      {R"({"type":"enabled","budget_tokens":32000})", R"("reasoning_effort":"high")",
       "emulated=thinking"},
      {R"({"type":"adaptive"})", R"("reasoning_effort":"medium")", "emulated=thinking"},
  };
  for (const auto& one : cases) {
    const Written written = write(R"({"messages":[{"role":"user","content":"x"}],"thinking":)" +
                                  std::string(one.thinking) + "}");
    EXPECT_TRUE(written.text.contains(one.effort)) << written.text;
    EXPECT_EQ(written.loss, one.loss);
  }
}

TEST(ChatWriter, EffortsThatTheServerDoesNotKnowAreLeftOut) {
  const std::string body = R"({"messages":[{"role":"user","content":"x"}],"thinking":)";
  const Written thinking =
      write(body + R"({"type":"enabled","budget_tokens":8000}})", {.efforts = false});
  EXPECT_FALSE(thinking.text.contains("reasoning_effort")) << thinking.text;
  EXPECT_EQ(thinking.loss, "dropped=thinking");
  const Written off = write(body + R"({"type":"disabled"}})", {.efforts = false});
  EXPECT_TRUE(off.text.contains(R"("reasoning_effort":"none")")) << off.text;
  EXPECT_EQ(off.loss, "");
}

TEST(ChatWriter, AChoiceWithoutToolsIsNotWritten) {
  const Written written =
      write(R"({"tool_choice":{"type":"auto"},"tools":[{"type":"web_search_20250305","name":"w"}],)"
            R"("messages":[{"role":"user","content":"x"}]})");
  EXPECT_FALSE(written.text.contains("tool")) << written.text;
  EXPECT_EQ(written.loss, "dropped=tools.web_search_20250305");
}

TEST(ChatWriter, AnAnswersTextIsOneString) {
  Answer answer{.dialect = Dialect::anthropic};
  answer.parts.push_back({.text = {"one "}});
  answer.parts.push_back({.text = {"two"}});
  TranslationLoss loss;
  const std::string written = write_chat_answer(answer, {.id = "r"}, loss).joined();
  EXPECT_TRUE(written.contains(R"("content":"one two")")) << written;
  EXPECT_EQ(loss.to_string(), "emulated=content");
  answer.parts.clear();
  answer.parts.push_back({.kind = Part::Kind::thinking, .text = {"Hm"}});
  EXPECT_TRUE(write_chat_answer(answer, {.id = "r"}, loss).joined().contains(R"("content":"")"));
}

TEST(ChatWriter, AnswersHaveIdsThatTheUpstreamForgot) {
  Answer answer{.dialect = Dialect::ollama};
  answer.parts.push_back({.kind = Part::Kind::tool_call, .name = {"f"}, .arguments = R"({"a":1})"});
  answer.stop = StopReason::tool_use;
  TranslationLoss loss;
  const std::string written =
      write_chat_answer(answer, {.id = "r1", .model = "m", .created = 7}, loss).joined();
  EXPECT_EQ(written,
            R"({"id":"chatcmpl-r1","object":"chat.completion","created":7,"model":"m",)"
            R"("choices":[{"index":0,"message":{"role":"assistant","content":null,)"
            R"("tool_calls":[{"id":"call_r1_0","type":"function","function":{"name":"f",)"
            R"("arguments":"{\"a\":1}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],)"
            R"("usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,)"
            R"("prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},)"
            R"("completion_tokens_details":{"reasoning_tokens":0}}})");
}

}  // namespace
}  // namespace rocket
