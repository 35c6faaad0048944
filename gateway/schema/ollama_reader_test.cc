#include "schema/ollama_reader.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(OllamaReader, RefusesWhatIsNoRequest) {
  const struct {
    std::string_view body;
    ErrorCode code;
    std::string_view names;
  } cases[] = {
      {"nope", ErrorCode::invalid_json, "object"},
      {R"({"messages":"hi"})", ErrorCode::invalid_field, "`messages`"},
      {R"({"messages":[{"role":"developer","content":"x"}]})", ErrorCode::invalid_field,
       "`messages.role`"},
      {R"({"messages":[{"role":"user","content":["x"]}]})", ErrorCode::invalid_field,
       "`messages.content`"},
      {R"({"messages":[],"format":"xml"})", ErrorCode::invalid_field, "`format`"},
      {R"({"messages":[],"stream":1})", ErrorCode::invalid_field, "`stream`"},
      {R"({"messages":[],"options":[]})", ErrorCode::invalid_field, "`options`"},
  };
  for (const auto& one : cases) {
    TranslationLoss loss;
    const auto read = read_ollama_request(Dialect::ollama, one.body, loss);
    ASSERT_FALSE(read) << one.body;
    EXPECT_EQ(read.error().code, one.code) << one.body;
    EXPECT_TRUE(read.error().detail.contains(one.names)) << read.error().detail;
  }
}

TEST(OllamaReader, StreamsUnlessToldNotTo) {
  const struct {
    std::string_view body;
    bool stream;
  } cases[] = {{R"({"messages":[]})", true},
               {R"({"messages":[],"stream":null})", true},
               {R"({"messages":[],"stream":true})", true},
               {R"({"messages":[],"stream":false})", false}};
  for (const auto& one : cases) {
    TranslationLoss loss;
    const auto read = read_ollama_request(Dialect::ollama, one.body, loss);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->stream, one.stream) << one.body;
    EXPECT_TRUE(read->turns.empty());
  }
}

TEST(OllamaReader, CallsAndResultsMeetWithoutIds) {
  TranslationLoss loss;
  const auto read = read_ollama_request(
      Dialect::ollama,
      R"({"messages":[{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f"}},)"
      R"({"function":{"name":"g","arguments":{}}},{"id":"x","function":{"name":"f"}}]},)"
      R"({"role":"tool","content":"1","tool_name":"g"},{"role":"tool","content":"2"},)"
      R"({"role":"tool","content":"3","tool_call_id":"x"},{"role":"tool","content":"4"}]})",
      loss);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->turns.size(), 2U);
  const auto& calls = read->turns[0].parts;
  const auto& results = read->turns[1].parts;
  ASSERT_EQ(calls.size(), 3U);
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[0].id.inside, calls[1].id.inside);
  EXPECT_EQ(results[1].id.inside, calls[0].id.inside);
  EXPECT_EQ(results[2].id.inside, "x");
  EXPECT_NE(results[3].id.inside, calls[0].id.inside);
  EXPECT_NE(calls[0].id.inside, calls[1].id.inside);
}

TEST(OllamaReader, APromptIsATurn) {
  TranslationLoss loss;
  const auto read = read_ollama_request(
      Dialect::generate, R"({"model":"m","prompt":"p","system":"s","images":["AA"],"raw":true})",
      loss);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->turns.size(), 2U);
  EXPECT_EQ(read->turns[0].role, Role::system);
  ASSERT_EQ(read->turns[1].parts.size(), 2U);
  EXPECT_EQ(read->turns[1].parts[1].media.data.inside, "AA");
  EXPECT_EQ(read->extra[0].key, "raw");
  const auto load = read_ollama_request(Dialect::generate, R"({"model":"m"})", loss);
  ASSERT_TRUE(load);
  EXPECT_TRUE(load->turns.empty());
}

TEST(OllamaReader, AnswersThatAreNotWholeAreGarbage) {
  for (const std::string_view text :
       {"", "{}", R"({"message":{"content":"x"},"done":false})",
        R"({"message":{"content":"x"},"done":true,"done_reason":"bored"})", R"({"error":"no"})"}) {
    const auto read = read_ollama_answer(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::upstream_garbage);
  }
  const auto generated = read_ollama_answer(R"({"model":"m","response":"x","done":true})");
  ASSERT_TRUE(generated);
  EXPECT_EQ(generated->parts[0].text.inside, "x");
}

}  // namespace
}  // namespace rocket
