#include "schema/responses_reader.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(ResponsesReader, RefusesWhatItCanNotAnswer) {
  const struct {
    std::string_view body;
    ErrorCode code;
    std::string_view names;
  } cases[] = {
      {"{", ErrorCode::invalid_json, "line 1"},
      {R"({"model":"m"})", ErrorCode::invalid_field, "`input` is missing"},
      {R"({"model":"m","input":[]})", ErrorCode::invalid_field, "`input` is empty"},
      {R"({"model":"m","input":null})", ErrorCode::invalid_field, "`input` is empty"},
      {R"({"input":7})", ErrorCode::invalid_field, "`input` must be a list"},
      {R"({"input":[7]})", ErrorCode::invalid_field, "`input`"},
      {R"({"input":[{"role":"robot","content":"x"}]})", ErrorCode::invalid_field, "`input.role`"},
      {R"({"input":[{"type":"item_reference","id":"i"}]})", ErrorCode::invalid_field,
       "send the item itself"},
      {R"({"input":"x","input":"y"})", ErrorCode::invalid_field, "`input` stands twice"},
      {R"({"input":"x","previous_response_id":"r"})", ErrorCode::invalid_field,
       "`previous_response_id`"},
      {R"({"input":"x","previous_response_id":7})", ErrorCode::invalid_field,
       "`previous_response_id` must be a string"},
      {R"({"input":"x","conversation":"c"})", ErrorCode::invalid_field, "`conversation`"},
      {R"({"input":"x","prompt":{"id":"p"}})", ErrorCode::invalid_field, "`prompt`"},
      {R"({"input":"x","background":true})", ErrorCode::invalid_field, "`background`"},
      {R"({"input":"x","store":"no"})", ErrorCode::invalid_field, "`store` must be true or false"},
      {R"({"input":"x","store":0})", ErrorCode::invalid_field, "`store` must be true or false"},
  };
  for (const auto& one : cases) {
    TranslationLoss loss;
    const auto read = read_responses_request(one.body, loss);
    ASSERT_FALSE(read) << one.body;
    EXPECT_EQ(read.error().code, one.code) << one.body;
    EXPECT_TRUE(read.error().detail.contains(one.names)) << read.error().detail;
  }
  TranslationLoss loss;
  EXPECT_TRUE(read_responses_request(
      R"({"input":"x","previous_response_id":null,"background":false})", loss));
}

TEST(ResponsesReader, WhatIsContinuedComesFirst) {
  const EarlierResponse earlier[] = {
      {.input = R"("one")",
       .output = R"([{"type":"message","role":"assistant","content":[)"
                 R"({"type":"output_text","text":"two"}]},)"
                 R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"}])"},
      {.input = R"([{"type":"function_call_output","call_id":"c","output":"3"}])",
       .output = R"([{"type":"message","role":"assistant","content":[)"
                 R"({"type":"output_text","text":"four"}]}])"}};
  const ReferredItem items[] = {{.id = "m", .json = R"({"role":"user","content":"six"})"}};
  TranslationLoss loss;
  const auto read = read_responses_request(
      R"({"input":[{"role":"user","content":"five"},{"type":"item_reference","id":"m"}],)"
      R"("previous_response_id":"resp_2","instructions":"be brief"})",
      loss, {.earlier = earlier, .items = items});
  ASSERT_TRUE(read) << read.error().detail;
  std::string said;
  for (const Turn& turn : read->turns) {
    said += "|";
    for (const Part& part : turn.parts) {
      said += std::string(part.text.inside) + std::string(part.name.inside);
      for (const Part& inner : part.content)
        said += inner.text.inside;
    }
  }
  EXPECT_EQ(said, "|be brief|one|twof|3|four|five|six");
  EXPECT_EQ(read->previous.inside, "resp_2");
  EXPECT_TRUE(read->input.starts_with("[{\"role\""));
  EXPECT_TRUE(loss.empty()) << loss.to_string();
}

TEST(ResponsesReader, AFormatThatIsNotKnownIsNamed) {
  TranslationLoss loss;
  const auto read = read_responses_request(
      R"({"input":"x","text":{"format":{"type":"grammar","syntax":"lark"}}})", loss);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->format.kind, ResponseFormat::Kind::unset);
  EXPECT_EQ(loss.to_string(), "dropped=response_format");
}

TEST(ResponsesReader, OnlyAFunctionIsChosenAsOne) {
  const struct {
    std::string choice;
    bool function;
  } cases[] = {
      {R"({"type":"function","name":"f"})", true},
      {R"({"name":"f"})", true},
      {R"({"type":"custom","name":"f"})", false},
      {R"({"type":"mcp","server_label":"s","name":"f"})", false},
      {R"({"type":"web_search"})", false},
  };
  for (const auto& one : cases) {
    const std::string body = R"({"input":"x","tool_choice":)" + one.choice + "}";
    TranslationLoss loss;
    const auto read = read_responses_request(body, loss);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->tool_choice.kind,
              one.function ? ToolChoice::Kind::function : ToolChoice::Kind::unset)
        << one.choice;
    EXPECT_EQ(read->extra.empty(), one.function) << one.choice;
  }
}

TEST(ResponsesReader, ItemsOfTheAssistantAreOneTurn) {
  TranslationLoss loss;
  const auto read = read_responses_request(
      R"({"input":[{"role":"user","content":"a"},{"type":"reasoning","summary":[]},)"
      R"({"role":"assistant","content":"b"},{"type":"function_call","call_id":"c","name":"f",)"
      R"("arguments":"{\"x"},{"type":"function_call_output","call_id":"c","output":"1"}],)"
      R"("instructions":"s"})",
      loss);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->turns.size(), 4U);
  EXPECT_EQ(read->turns[0].role, Role::system);
  ASSERT_EQ(read->turns[2].parts.size(), 3U);
  EXPECT_EQ(read->turns[2].parts[2].arguments, R"({"x":null})");
  EXPECT_EQ(read->turns[3].parts[0].id.inside, "c");
  EXPECT_EQ(loss.to_string(), "emulated=function_call.arguments");
}

TEST(ResponsesReader, WhatOthersHaveNoWordsForInAnItemIsNamed) {
  const struct {
    std::string_view item;
    std::string_view loss;
  } cases[] = {
      {R"({"type":"message","id":"msg_1","status":"completed","role":"assistant","content":"x"})",
       ""},
      {R"({"role":"assistant","phase":"commentary","content":"x"})", "dropped=phase"},
      {R"({"role":"assistant","phase":null,"content":"x"})", ""},
      {R"({"type":"function_call","id":"fc_1","status":"completed","call_id":"c","name":"f",)"
       R"("arguments":"{}","namespace":"n","caller":{"type":"program","caller_id":"p"}})",
       "dropped=namespace,dropped=caller"},
      {R"({"type":"function_call","call_id":"c","name":"f","caller":{"type": "direct"}})", ""},
      {R"({"type":"function_call_output","call_id":"c","output":"1","name":"f","namespace":"n"})",
       "dropped=namespace"},
  };
  for (const auto& one : cases) {
    TranslationLoss loss;
    const std::string body = R"({"input":[)" + std::string(one.item) + "]}";
    ASSERT_TRUE(read_responses_request(body, loss)) << one.item;
    EXPECT_EQ(loss.to_string(), one.loss) << one.item;
  }
}

TEST(ResponsesReader, AnswersAreOverOrTheyAreNone) {
  const struct {
    std::string_view text;
    ErrorCode code;
  } cases[] = {
      {"", ErrorCode::upstream_garbage},
      {R"({"status":"in_progress","output":[]})", ErrorCode::upstream_garbage},
      {R"({"status":"failed","error":{"message":"no"}})", ErrorCode::upstream_error_event},
      {R"({"status":"completed","output":[7]})", ErrorCode::upstream_garbage},
  };
  for (const auto& one : cases) {
    const auto read = read_responses_answer(one.text);
    ASSERT_FALSE(read) << one.text;
    EXPECT_EQ(read.error().code, one.code);
  }
  const auto cut = read_responses_answer(
      R"({"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[)"
      R"({"type":"message","role":"assistant","content":[{"type":"output_text","text":"x"}]}]})");
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->stop, StopReason::max_tokens);
}

}  // namespace
}  // namespace rocket
