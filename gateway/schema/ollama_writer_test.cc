#include "schema/ollama_writer.h"

#include <gtest/gtest.h>

#include "schema/chat_reader.h"

namespace rocket {
namespace {

TEST(OllamaWriter, SaysWhatItCanAndNamesTheRest) {
  const std::string head = R"({"model":"up","stream":false,)";
  const std::string hi = R"("messages":[{"role":"user","content":"Hi"}])";
  const struct {
    const char* name;
    std::string body;  // of an OpenAI request
    std::string written;
    std::string_view loss;
  } cases[] = {
      {"a text", "{" + hi + "}", head + R"("options":{},)" + hi + "}", ""},
      {"options", R"({"max_tokens":5,"stop":"x","temperature":0,"logit_bias":{"1":1},)" + hi + "}",
       head + R"("options":{"num_predict":5,"temperature":0,"stop":["x"]},)" + hi + "}",
       "dropped=logit_bias"},
      {"a schema",
       R"({"response_format":{"type":"json_schema","json_schema":{"schema":{"a":1}}},)" + hi + "}",
       head + R"("format":{"a":1},"options":{},)" + hi + "}", ""},
      {"what a schema is for",
       R"({"response_format":{"type":"json_schema","json_schema":{"description":"d","schema":)"
       R"({"a":1}}},)" +
           hi + "}",
       head + R"("format":{"a":1},"options":{},)" + hi + "}",
       "dropped=response_format.description"},
      {"thinking", R"({"reasoning_effort":"low",)" + hi + "}",
       head + R"("think":"low","options":{},)" + hi + "}", ""},
      {"a choice it would not honour",
       R"({"tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}],)" + hi +
           "}",
       head +
           R"("tools":[{"type":"function","function":{"name":"f","parameters":)"
           R"({"type":"object","properties":{}}}}],"options":{},)" +
           hi + "}",
       "dropped=tool_choice"},
      {"one of the tools",
       R"({"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":)"
       R"({"name":"g"}}],"tool_choice":{"type":"function","function":{"name":"g"}},)" +
           hi + "}",
       head +
           R"("tools":[{"type":"function","function":{"name":"g","parameters":)"
           R"({"type":"object","properties":{}}}}],"options":{},)" +
           hi + "}",
       "dropped=tool_choice,emulated=tools"},
      {"no tools",
       R"({"tool_choice":"none","tools":[{"type":"function","function":{"name":"f"}}],)" + hi + "}",
       head + R"("options":{},)" + hi + "}", "emulated=tool_choice,emulated=tools"},
      {"images",
       R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":)"
       R"({"url":"data:image/png;base64,AA","detail":"low"}},{"type":"text","text":"a"},)"
       R"({"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"https://x/"}}]}]})",
       head + R"("options":{},"messages":[{"role":"user","content":"a\nb","images":["AA"]}]})",
       "dropped=detail,dropped=image_url,emulated=content"},
      {"calls and results",
       R"({"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":)"
       R"("function","function":{"name":"f","arguments":"{\"a\":1}"}}]},)"
       R"({"role":"tool","tool_call_id":"c","content":"1"}]})",
       head + R"("options":{},"messages":[{"role":"assistant","content":"","tool_calls":[)"
              R"({"id":"c","function":{"index":0,"name":"f","arguments":{"a":1}}}]},)"
              R"({"role":"tool","content":"1","tool_name":"f","tool_call_id":"c"}]})",
       ""},
  };
  for (const auto& one : cases) {
    TranslationLoss loss;
    const auto read = read_chat_request(one.body, loss);
    ASSERT_TRUE(read) << one.name;
    EXPECT_EQ(write_ollama_request(*read, {.model = "up"}, loss).joined(), one.written) << one.name;
    EXPECT_EQ(loss.to_string(), one.loss) << one.name;
  }
}

TEST(OllamaWriter, GenerateHasNoCalls) {
  Answer answer;
  answer.parts = {{.text = {"x"}},
                  {.kind = Part::Kind::tool_call, .name = {"f"}, .arguments = "{}"}};
  TranslationLoss loss;
  EXPECT_EQ(
      write_ollama_answer(Dialect::generate, answer, {.model = "m", .created_at = "now"}, loss)
          .joined(),
      R"({"model":"m","created_at":"now","response":"x","done":true,"done_reason":"stop",)"
      R"("prompt_eval_count":0,"eval_count":0})");
  EXPECT_EQ(loss.to_string(), "dropped=tool_calls");
}

TEST(OllamaWriter, PiecesOfAnAnswerAreOneText) {
  Answer answer;
  answer.parts = {{.text = {"The sky "}}, {.text = {"is blue"}}};
  for (const Dialect dialect : {Dialect::ollama, Dialect::generate}) {
    TranslationLoss loss;
    const std::string written =
        write_ollama_answer(dialect, answer, {.model = "m", .created_at = "now"}, loss).joined();
    EXPECT_TRUE(written.contains(R"(":"The sky is blue")")) << written;
    EXPECT_EQ(loss.to_string(), "emulated=content");
  }
}

TEST(OllamaWriter, TellsHowLongAWholeAnswerTook) {
  Answer answer;
  answer.parts = {{.text = {"x"}}};
  TranslationLoss loss;
  const AnswerFrame frame{.model = "m", .created_at = "now", .elapsed = std::chrono::seconds(2)};
  EXPECT_TRUE(write_ollama_answer(Dialect::ollama, answer, frame, loss)
                  .joined()
                  .contains(R"("done":true,"done_reason":"stop","total_duration":2000000000,)"));
}

}  // namespace
}  // namespace rocket
