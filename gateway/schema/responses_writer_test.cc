#include "schema/responses_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "schema/responses_reader.h"

namespace rocket {
namespace {

using Json = nlohmann::json;

// What OpenAI's description requires of a response.
constexpr std::string_view required[] = {
    "id",           "object",      "created_at",  "error",  "incomplete_details",
    "instructions", "model",       "tools",       "output", "parallel_tool_calls",
    "metadata",     "tool_choice", "temperature", "top_p"};

TEST(ResponsesWriter, AnswersHaveAllThatIsRequired) {
  TranslationLoss loss;
  const auto asked = read_responses_request(
      R"({"input":"x","instructions":"i\n","temperature":0.5,"tools":[{"type":"function",)"
      R"("name":"f","parameters":{"a":1}}],"tool_choice":"required","reasoning":{"effort":"low"},)"
      R"("text":{"format":{"type":"json_schema","name":"n","schema":{"b":2}}}})",
      loss);
  ASSERT_TRUE(asked);
  const std::string echo = write_responses_echo(*asked);
  Answer answer;
  answer.parts = {{.text = {""}}, {.text = {"x"}}};
  answer.stop = StopReason::max_tokens;
  answer.usage = {.input = 3, .output = 2};
  const Json written = Json::parse(
      write_responses_answer(answer, {.id = "r", .model = "m", .created = 7, .echo = echo}, loss)
          .joined());
  for (const std::string_view key : required)
    EXPECT_TRUE(written.contains(key)) << key;
  EXPECT_EQ(written["status"], "incomplete");
  EXPECT_EQ(written["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(written["instructions"], "i\n");
  EXPECT_EQ(written["temperature"], 0.5);
  EXPECT_EQ(written["top_p"], 1);
  EXPECT_EQ(written["tool_choice"], "required");
  EXPECT_EQ(written["tools"][0]["strict"], false);
  EXPECT_EQ(written["text"]["format"]["schema"]["b"], 2);
  EXPECT_EQ(written["reasoning"]["effort"], "low");
  EXPECT_EQ(written["output"].size(), 1U);
  EXPECT_EQ(written["output"][0]["content"][0]["text"], "x");
  EXPECT_EQ(written["usage"]["total_tokens"], 5);
}

TEST(ResponsesWriter, TheEchoOfNothingIsWhatHolds) {
  const Json echo = Json::parse("{" + write_responses_echo({}) + "}");
  EXPECT_EQ(echo["instructions"], nullptr);
  EXPECT_EQ(echo["parallel_tool_calls"], true);
  EXPECT_EQ(echo["tool_choice"], "auto");
  EXPECT_EQ(echo["tools"], Json::array());
  EXPECT_EQ(echo["store"], false);
  EXPECT_EQ(echo["text"]["format"]["type"], "text");
}

TEST(ResponsesWriter, TheEchoTellsWhatIsContinuedAndKept) {
  Conversation conversation;
  conversation.previous = {"resp_1"};
  const Json echo = Json::parse("{" + write_responses_echo(conversation, true) + "}");
  EXPECT_EQ(echo["previous_response_id"], "resp_1");
  EXPECT_EQ(echo["store"], true);
}

TEST(ResponsesWriter, TellsAFailure) {
  JsonPieces out;
  write_response_head({"failed", {}, "no \"more\""}, {}, {.id = "r", .model = "m"}, out);
  const Json written = Json::parse(out.joined() + "}");
  EXPECT_EQ(written["error"]["message"], "no \"more\"");
  EXPECT_EQ(written["error"]["code"], "server_error");
}

TEST(ResponsesWriter, NamesWhatItHasNoPlaceFor) {
  Conversation conversation;
  conversation.stop.push_back({"x"});
  conversation.parameter(Parameter::seed) = "1";
  conversation.turns.push_back({.role = Role::user, .name = {"bob"}, .parts = {{.text = {"x"}}}});
  TranslationLoss loss;
  EXPECT_EQ(write_responses_request(conversation, {.model = "m"}, loss).joined(),
            R"({"model":"m","input":[{"type":"message","role":"user","content":[)"
            R"({"type":"input_text","text":"x"}]}]})");
  EXPECT_EQ(loss.to_string(), "dropped=seed,dropped=stop,dropped=messages.name");
}

}  // namespace
}  // namespace rocket
