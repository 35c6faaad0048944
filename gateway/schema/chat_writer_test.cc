#include "schema/chat_writer.h"

#include <gtest/gtest.h>

#include "schema/anthropic_reader.h"
#include "schema/responses_reader.h"

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

// Coding agents look at pictures with a tool; servers take them from users alone.
TEST(ChatWriter, WhatAToolShowsIsShownByTheUser) {
  const std::string image =
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}})";
  const std::string shown =
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}})";
  const std::string result =
      R"({"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"1"},)" + image +
      "]}";
  const std::string file = R"({"type":"tool_result","tool_use_id":"u","content":[{"type":"image",)"
                           R"("source":{"type":"file","file_id":"f"}}]})";
  const auto asked = [](const std::string& content) {
    return write(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[)" + content +
                 R"(]},{"role":"assistant","content":"x"}]})");
  };
  const std::string told = R"({"role":"tool","tool_call_id":"t","content":"1"},)";
  const std::string said = R"(,{"role":"assistant","content":"x"}]})";
  const Written alone = asked(result);
  EXPECT_TRUE(alone.text.ends_with(told + R"({"role":"user","content":[)" + shown + "]}" + said))
      << alone.text;
  EXPECT_EQ(alone.loss, "emulated=tool_result.image");
  const Written with_words = asked(result + R"(,{"type":"text","text":"go on"})");
  EXPECT_TRUE(with_words.text.ends_with(told + R"({"role":"user","content":[)" + shown +
                                        R"(,{"type":"text","text":"go on"}]})" + said))
      << with_words.text;
  const Written of_a_file = asked(file);
  EXPECT_TRUE(of_a_file.text.ends_with(R"({"role":"tool","tool_call_id":"u","content":""})" + said))
      << of_a_file.text;
  EXPECT_EQ(of_a_file.loss, "dropped=tool_result.image");
}

// What a model is to answer from is said to it in whatever words there are.
TEST(ChatWriter, SearchResultsAndDocumentsOfBlocksAreText) {
  const std::string result =
      R"({"type":"search_result","source":"https://a","title":"A \"b\"","content":[{"type":"text",)"
      R"("text":"one"},{"type":"text","text":"two"}],"citations":{"enabled":true}})";
  const std::string document =
      R"({"type":"document","title":"D","source":{"type":"content","content":[{"type":"text",)"
      R"("text":"inside"},{"type":"image","source":{"type":"file","file_id":"f"}}]}})";
  const Written written =
      write(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[)" + result + "," +
            document + R"(,{"type":"text","text":"Which?"}]}]})");
  EXPECT_TRUE(written.text.ends_with(
      R"("messages":[{"role":"user","content":[)"
      R"({"type":"text","text":"A \"b\"\nhttps://a\n\none\n\ntwo"},)"
      R"({"type":"text","text":"D\n\ninside"},{"type":"text","text":"Which?"}]}]})"))
      << written.text;
  EXPECT_EQ(written.loss, "emulated=search_result,emulated=document");
  const Written told = write(
      R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result",)"
      R"("tool_use_id":"t","content":[)" +
      result + R"(,{"type":"document","source":{"type":"text","data":"plain"}}]}]}]})");
  EXPECT_TRUE(told.text.contains(R"(one\n\ntwo"},{"type":"text","text":"plain"}])")) << told.text;
  EXPECT_EQ(told.loss, "emulated=search_result,emulated=document");
}

// Servers refuse a list of nothing.
TEST(ChatWriter, ATurnOfWhichNothingIsLeftIsEmpty) {
  const std::string foreign = R"([{"type":"server_tool_use","id":"s","name":"w","input":{}}])";
  const Written written =
      write(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":)" + foreign +
            R"(},{"role":"assistant","content":)" + foreign + "}]}");
  EXPECT_TRUE(written.text.ends_with(
      R"("messages":[{"role":"user","content":""},{"role":"assistant","content":""}]})"))
      << written.text;
  EXPECT_EQ(written.loss, "dropped=server_tool_use");
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

TEST(ChatWriter, WhatWasThoughtIsSaidAgainInTheServersWord) {
  const std::string body =
      R"({"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[)"
      R"({"type":"thinking","thinking":"Hm","signature":""},{"type":"text","text":"x"}]}]})";
  EXPECT_TRUE(write(body).text.contains(R"("content":"x","reasoning_content":"Hm")"));
  const Written renamed = write(body, {.thinking_name = "reasoning"});
  EXPECT_TRUE(renamed.text.contains(R"("content":"x","reasoning":"Hm")")) << renamed.text;
  EXPECT_EQ(renamed.loss, "");
}

// Servers refuse a choice that none of their tools is.
TEST(ChatWriter, AToolThatIsNotShownIsNotToBeCalled) {
  const std::string body =
      R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[)"
      R"({"name":"f","input_schema":{}},{"type":"web_search_20250305","name":"web_search"}],)"
      R"("tool_choice":{"type":"tool","name":)";
  const Written search = write(body + R"("web_search","disable_parallel_tool_use":true}})");
  EXPECT_FALSE(search.text.contains("tool_choice")) << search.text;
  EXPECT_TRUE(search.text.contains(R"("parallel_tool_calls":false)")) << search.text;
  EXPECT_EQ(search.loss, "dropped=tools.web_search_20250305,dropped=tool_choice");
  const Written other = write(body + R"("f"}})");
  EXPECT_TRUE(other.text.contains(R"("tool_choice":{"type":"function","function":{"name":"f"}})"))
      << other.text;
}

TEST(ChatWriter, WhatTheSystemSaysIsOneMessageInFront) {
  const struct {
    const char* name;
    std::string_view body;
    RequestFrame frame;
    std::string_view messages;
    std::string_view loss;
  } cases[] = {
      {"instructions and a developer",
       R"("instructions":"Be brief.","input":[{"role":"developer",)"
       R"("content":[{"type":"input_text","text":"No \"tools\"."}]},{"role":"user","content":"x"}])",
       {},
       R"([{"role":"system","content":"Be brief.\n\nNo \"tools\"."},{"role":"user","content":"x"}])",
       ""},
      {"one of them says nothing",
       R"("instructions":"Be brief.","input":[{"role":"developer","content":""},)"
       R"({"role":"user","content":"x"}])",
       {},
       R"([{"role":"system","content":"Be brief."},{"role":"user","content":"x"}])",
       ""},
      {"later it is the user's, beside what he says",
       R"("instructions":"Be brief.","input":[{"role":"user",)"
       R"("content":"x"},{"role":"developer","content":"Go on."},{"role":"user","content":"y"}])",
       {},
       R"([{"role":"system","content":"Be brief."},{"role":"user","content":[)"
       R"({"type":"text","text":"x"},{"type":"text","text":"Go on."},{"type":"text","text":"y"}]}])",
       "emulated=system"},
      {"later, where the user is silent",
       R"("input":[{"role":"user","content":"x"},{"role":"assistant","content":"y"},)"
       R"({"role":"system","content":"Go on."},{"role":"assistant","content":"z"}])",
       {},
       R"([{"role":"user","content":"x"},{"role":"assistant","content":"y"},)"
       R"({"role":"user","content":"Go on."},{"role":"assistant","content":"z"}])",
       "emulated=system"},
      {"later, to OpenAI's own",
       R"("input":[{"role":"user","content":"x"},{"role":"developer","content":"Go on."}])",
       {.additions = false},
       R"([{"role":"user","content":"x"},{"role":"developer","content":"Go on."}])",
       ""},
      {"OpenAI's own take both",
       R"("instructions":"Be brief.","input":[{"role":"developer",)"
       R"("content":"No."},{"role":"user","content":"x"}])",
       {.additions = false},
       R"([{"role":"system","content":"Be brief."},{"role":"developer","content":"No."},)"
       R"({"role":"user","content":"x"}])",
       ""},
  };
  for (const auto& c : cases) {
    TranslationLoss loss;
    const std::string body = R"({"model":"m",)" + std::string(c.body) + "}";
    const auto read = read_responses_request(body, loss);
    ASSERT_TRUE(read) << c.name;
    const std::string written = write_chat_request(*read, c.frame, loss).joined();
    EXPECT_EQ(written, R"({"model":"m","messages":)" + std::string(c.messages) + "}") << c.name;
    EXPECT_EQ(loss.to_string(), c.loss) << c.name;
  }
  // As coding agents say it.
  const Written agent = write(
      R"({"model":"m","max_tokens":9,"system":[{"type":"text","text":"A","cache_control":{"type":)"
      R"("ephemeral"}},{"type":"text","text":"B"}],"messages":[{"role":"user","content":"x"}]})");
  EXPECT_TRUE(agent.text.contains(R"({"role":"system","content":"A\n\nB"},)")) << agent.text;
  EXPECT_EQ(agent.loss, "dropped=cache_control");
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
  EXPECT_TRUE(written.contains(R"("refusal":null)")) << written;
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
  EXPECT_EQ(
      written,
      R"({"id":"chatcmpl-r1","object":"chat.completion","created":7,"model":"m",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":null,)"
      R"("refusal":null,"tool_calls":[{"id":"call_r1_0","type":"function","function":{"name":"f",)"
      R"("arguments":"{\"a\":1}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],)"
      R"("usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,)"
      R"("prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},)"
      R"("completion_tokens_details":{"reasoning_tokens":0}}})");
}

}  // namespace
}  // namespace rocket
