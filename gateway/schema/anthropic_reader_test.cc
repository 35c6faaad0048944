#include "schema/anthropic_reader.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(AnthropicReader, RefusesWhatIsNoRequest) {
  const struct {
    std::string_view body;
    ErrorCode code;
    std::string_view names;
  } cases[] = {
      {"", ErrorCode::invalid_json, "empty"},
      {R"({"model":"m"})", ErrorCode::invalid_field, "`messages` is missing"},
      {R"({"messages":{}})", ErrorCode::invalid_field, "`messages` must be a list"},
      {R"({"messages":[{"content":"x"}]})", ErrorCode::invalid_field, "`messages.role`"},
      {R"({"messages":[{"role":"tool","content":"x"}]})", ErrorCode::invalid_field,
       "`messages.role`"},
      {R"({"messages":[{"role":"user","content":[{"text":"x"}]}]})", ErrorCode::invalid_field,
       "`type`"},
      {R"({"messages":[{"role":"user","content":7}]})", ErrorCode::invalid_field,
       "`messages.content`"},
      {R"({"messages":[{"role":"assistant","content":[{"type":"tool_use","input":"x"}]}]})",
       ErrorCode::invalid_field, "`messages.content.input`"},
      {R"({"messages":[{"role":"user","content":[{"type":"tool_result","content":)"
       R"([{"type":"tool_result","content":"x"}]}]}]})",
       ErrorCode::invalid_field, "within another"},
      {R"({"messages":[],"tool_choice":{"type":"maybe"}})", ErrorCode::invalid_field,
       "`tool_choice.type`"},
      {R"({"messages":[],"thinking":{"type":"maybe"}})", ErrorCode::invalid_field,
       "`thinking.type`"},
      {R"({"messages":[],"system":7})", ErrorCode::invalid_field, "must be a list"},
  };
  for (const auto& one : cases) {
    const auto read = read_anthropic_request(one.body);
    ASSERT_FALSE(read) << one.body;
    EXPECT_EQ(read.error().code, one.code) << one.body;
    EXPECT_TRUE(read.error().detail.contains(one.names)) << read.error().detail;
  }
}

TEST(AnthropicReader, NewerAndOlderWordsSayWhatOthersCanBeTold) {
  const auto read = read_anthropic_request(
      R"({"messages":[],"thinking":{"type":"between_tools"},)"
      R"("output_format":{"type":"json_schema","schema":{"type":"object"}}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->reasoning.kind, Reasoning::Kind::off);
  ASSERT_EQ(read->extra.size(), 1U);
  EXPECT_EQ(read->extra[0].key, "thinking");
  EXPECT_EQ(read->format.kind, ResponseFormat::Kind::json_schema);
  EXPECT_EQ(read->format.schema, R"({"type":"object"})");
}

TEST(AnthropicReader, ResultsOfToolsAreATurnOfTheirOwn) {
  const auto read = read_anthropic_request(
      R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},)"
      R"({"type":"tool_result","tool_use_id":"1"},{"type":"tool_result","tool_use_id":"2"},)"
      R"({"type":"text","text":"b"}]}],"system":"s"})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->turns.size(), 4U);
  EXPECT_EQ(read->turns[0].role, Role::system);
  EXPECT_EQ(read->turns[1].role, Role::user);
  EXPECT_EQ(read->turns[2].role, Role::tool);
  EXPECT_EQ(read->turns[2].parts.size(), 2U);
  EXPECT_EQ(read->turns[3].parts[0].text.inside, "b");
}

TEST(AnthropicReader, AnswersThatAreNoneAreGarbage) {
  for (const std::string_view text :
       {"", "{}", R"({"type":"error","error":{"type":"overloaded_error"}})",
        R"({"content":[],"stop_reason":null})", R"({"content":[7],"stop_reason":"end_turn"})"}) {
    const auto read = read_anthropic_answer(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::upstream_garbage);
  }
}

TEST(AnthropicReader, ASequenceThatIsNamedHasStoppedIt) {
  const auto read = read_anthropic_answer(
      R"({"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","stop_sequence":"END"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stop, StopReason::stop_sequence);
  EXPECT_EQ(read->stop_sequence.inside, "END");
}

}  // namespace
}  // namespace rocket
