#include "schema/chat_reader.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(ChatReader, RefusesWhatIsNoRequest) {
  const struct {
    std::string_view body;
    ErrorCode code;
    std::string_view names;
  } cases[] = {
      {"{", ErrorCode::invalid_json, "line 1"},
      {"[]", ErrorCode::invalid_json, "object"},
      {R"({"model":"m"})", ErrorCode::invalid_field, "`messages` is missing"},
      {R"({"messages":[]})", ErrorCode::invalid_field, "`messages` is empty"},
      {R"({"messages":"hi"})", ErrorCode::invalid_field, "`messages` must be a list"},
      {R"({"messages":["hi"]})", ErrorCode::invalid_field, "`messages`"},
      {R"({"messages":[{"role":"robot","content":"x"}]})", ErrorCode::invalid_field,
       "`messages.role`"},
      {R"({"messages":[{"role":"user","content":7}]})", ErrorCode::invalid_field,
       "`messages.content`"},
      {R"({"messages":[{"role":"user","content":[7]}]})", ErrorCode::invalid_field,
       "`messages.content`"},
      {R"({"model":7,"messages":[{"role":"user","content":"x"}]})", ErrorCode::invalid_field,
       "`model`"},
      {R"({"stream":"yes","messages":[{"role":"user","content":"x"}]})", ErrorCode::invalid_field,
       "`stream`"},
      {R"({"tools":{},"messages":[{"role":"user","content":"x"}]})", ErrorCode::invalid_field,
       "`tools`"},
      {R"({"stop":7,"messages":[{"role":"user","content":"x"}]})", ErrorCode::invalid_field,
       "`stop`"},
  };
  for (const auto& one : cases) {
    TranslationLoss loss;
    const auto read = read_chat_request(one.body, loss);
    ASSERT_FALSE(read) << one.body;
    EXPECT_EQ(read.error().code, one.code) << one.body;
    EXPECT_TRUE(read.error().detail.contains(one.names)) << read.error().detail;
  }
}

TEST(ChatReader, ReadsWhatItIsAsked) {
  TranslationLoss loss;
  const auto read = read_chat_request(
      R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"backend":"b",)"
      R"("reasoning_effort":"none","tool_choice":{"type":"function","function":{"name":"f"}},)"
      R"("messages":[{"role":"user","content":["a",{"type":"text","text":"b","x":1}]},)"
      R"({"role":"function","name":"f","content":"1"}],"temperature":null,"seed":7,"odd":[1]})",
      loss);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->stream && read->usage_asked);
  EXPECT_EQ(read->reasoning.kind, Reasoning::Kind::off);
  EXPECT_EQ(read->tool_choice.name.inside, "f");
  EXPECT_EQ(read->parameter(Parameter::seed), "7");
  EXPECT_EQ(read->parameter(Parameter::temperature), "");
  ASSERT_EQ(read->extra.size(), 1U);
  EXPECT_EQ(read->extra[0].key, "odd");
  ASSERT_EQ(read->turns.size(), 2U);
  EXPECT_EQ(read->turns[0].parts[1].extra[0].key, "x");
  EXPECT_EQ(read->turns[1].parts[0].id.inside, "f");
  EXPECT_TRUE(loss.empty());
}

TEST(ChatReader, AnswersThatAreNoneAreGarbage) {
  for (const std::string_view text :
       {"", "[]", "{}", R"({"choices":[]})", R"({"choices":[{"message":{"content":"x"}}]})",
        R"({"choices":[{"message":{"content":"x"},"finish_reason":"abort"}]})",
        R"({"choices":[{"message":{"content":7},"finish_reason":"stop"}]})",
        R"({"error":{"message":"no"}})"}) {
    TranslationLoss loss;
    const auto read = read_chat_answer(text, loss);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::upstream_garbage);
  }
}

TEST(ChatReader, TheStopSequenceIsNamedWhereTheServerNamesIt) {
  const struct {
    std::string_view members;
    StopReason stop;
    std::string_view sequence;
  } cases[] = {
      {R"("finish_reason":"stop","stop_reason":"END")", StopReason::stop_sequence, "END"},
      {R"("matched_stop":"\n\n","finish_reason":"stop")", StopReason::stop_sequence, R"(\n\n)"},
      {R"("finish_reason":"stop","stop_reason":null)", StopReason::end, ""},
      {R"("finish_reason":"stop","stop_reason":151645)", StopReason::end, ""},
      {R"("finish_reason":"stop","stop_reason":"stop")", StopReason::end, ""},
      {R"("finish_reason":"length","stop_reason":"END")", StopReason::max_tokens, ""},
  };
  for (const auto& c : cases) {
    TranslationLoss loss;
    const std::string text =
        R"({"choices":[{"message":{"content":"x"},)" + std::string(c.members) + "}]}";
    const auto read = read_chat_answer(text, loss);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->stop, c.stop) << text;
    EXPECT_EQ(read->stop_sequence.inside, c.sequence) << text;
  }
}

// A list of parts instead of a text.
TEST(ChatReader, WhatMistralsModelsThoughtIsNoLoss) {
  TranslationLoss loss;
  const auto read = read_chat_answer(
      R"({"choices":[{"finish_reason":"stop","message":{"content":[{"type":"thinking","thinking":)"
      R"([{"type":"text","text":"H"},{"type":"text","text":"m\u2026"}]},{"type":"text","text":"4"}]}}]})",
      loss);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->parts.size(), 2U);
  EXPECT_EQ(read->parts[0].kind, Part::Kind::thinking);
  EXPECT_EQ(read->parts[0].text.inside, R"(Hm\u2026)");
  EXPECT_EQ(read->parts[1].text.inside, "4");
  EXPECT_EQ(loss.to_string(), "");
}

TEST(ChatReader, CallsAreTheReasonEvenIfTheServerSaysStop) {
  TranslationLoss loss;
  const auto read = read_chat_answer(
      R"({"choices":[{"finish_reason":"stop","message":{"content":"","tool_calls":[)"
      R"({"id":"a","function":{"name":"f","arguments":{"x":1}}}]}}]})",
      loss);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stop, StopReason::tool_use);
  EXPECT_EQ(read->parts.back().arguments, R"({"x":1})");
}

TEST(ChatReader, CallsThatThereAreNoneOfAreNoReason) {
  TranslationLoss loss;
  const auto read = read_chat_answer(
      R"({"choices":[{"finish_reason":"tool_calls","message":{"content":"a","tool_calls":[]}}]})",
      loss);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stop, StopReason::end);
}

}  // namespace
}  // namespace rocket
