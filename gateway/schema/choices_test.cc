#include "schema/choices.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "schema/chat_reader.h"

namespace rocket {
namespace {

using nlohmann::json;

std::string edited(std::string_view text, const std::vector<Edit>& edits) {
  std::string all;
  for (const std::string_view piece : splice(text, edits))
    all += piece;
  return all;
}

TEST(Choices, EachIsAskedForAlone) {
  const struct {
    const char* name;
    std::string body;
    std::uint32_t index;
    std::string expected;
  } cases[] = {
      {"the first", R"({"n": 3,"x":1})", 0, R"({"n": 1,"x":1})"},
      {"the last", R"({"x":1,"n":3})", 2, R"({"x":1,"n":1})"},
      {"an escaped name", R"({"\u006e":3})", 1, R"({"\u006e":1})"},
      {"nothing to change", R"({"N":3,"messages":[{"n":2}]})", 1,
       R"({"N":3,"messages":[{"n":2}]})"},
      {"the first keeps its seed", R"({"seed":7,"n":3})", 0, R"({"seed":7,"n":1})"},
      {"the others have their own", R"({"seed":7,"n":3})", 2, R"({"seed":9,"n":1})"},
      {"a seed of none", R"({"seed":-1,"n":2})", 1, R"({"seed":-1,"n":1})"},
      {"a seed that is no number", R"({"seed":"x","n":2})", 1, R"({"seed":"x","n":1})"},
      {"no seed", R"({"seed":null,"n":2})", 1, R"({"seed":null,"n":1})"},
      {"the largest seed", R"({"seed":9223372036854775807,"n":2})", 1, R"({"seed":0,"n":1})"},
      {"a seed without a sign", R"({"seed":9223372036854775808,"n":2})", 1,
       R"({"seed":9223372036854775809,"n":1})"},
      {"the first keeps that too", R"({"seed":9223372036854775808,"n":2})", 0,
       R"({"seed":9223372036854775808,"n":1})"},
      {"the largest of those", R"({"seed":18446744073709551615,"n":3})", 2, R"({"seed":1,"n":1})"},
      {"a seed that is too large for all", R"({"seed":18446744073709551616,"n":2})", 1,
       R"({"seed":18446744073709551616,"n":1})"},
      {"a seed that is no integer", R"({"seed":0.5,"n":2})", 1, R"({"seed":0.5,"n":1})"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(edited(c.body, edits_for_choice(c.body, c.index)), c.expected) << c.name;
}

TEST(Choices, EachIsAskedForInOtherWords) {
  const std::string body =
      R"({"n":3,"seed":7,"logit_bias":{"1":1},"messages":[{"role":"user","content":"a"}]})";
  for (const std::uint32_t index : {0U, 2U}) {
    TranslationLoss loss;
    auto read = read_chat_request(body, loss);
    ASSERT_TRUE(read);
    ask_for_choice(*read, index);
    ASSERT_EQ(read->extra.size(), 1U);
    EXPECT_EQ(read->extra[0].key, "logit_bias");
    EXPECT_EQ(read->parameter(Parameter::seed), index == 0 ? "7" : "9");
  }
  TranslationLoss loss;
  auto read = read_chat_request(R"({"messages":[{"role":"user","content":"a"}]})", loss);
  ASSERT_TRUE(read);
  ask_for_choice(*read, 1);
  EXPECT_EQ(read->parameter(Parameter::seed), "") << "none is made up";
}

// What comes of whole answers; empty: an error.
std::string joined(const std::vector<std::string>& answers) {
  const std::vector<std::string_view> views(answers.begin(), answers.end());
  JoinedChoices choices;
  if (!choices.join(views)) return {};
  std::string all;
  for (const std::string_view piece : choices.pieces())
    all += piece;
  return all;
}

TEST(Choices, WholeAnswersBecomeOne) {
  const struct {
    const char* name;
    std::vector<std::string> answers;
    std::string expected;
  } cases[] = {
      {"two",
       {R"({"id":"a","choices":[{"index":0,"text":"x"}],"model":"m"})",
        R"({"id":"b","choices":[{"index":0,"text":"y"}]})"},
       R"({"id":"a","choices":[{"index":0,"text":"x"},{"index":1,"text":"y"}],"model":"m"})"},
      {"without numbers",
       {R"({"choices":[{"text":"x"}]})", R"({"choices":[{}]})"},
       R"({"choices":[{"index":0,"text":"x"},{"index":1}]})"},
      {"two of two prompts",
       {R"({"choices":[{"text":"a0","index":0},{"text":"b0","index":1}]})",
        R"({"choices":[{"text":"a1","index":0},{"text":"b1","index":1}]})"},
       R"({"choices":[{"text":"a0","index":0},{"text":"a1","index":1},)"
       R"({"text":"b0","index":2},{"text":"b1","index":3}]})"},
      {"white space stays",
       {"{ \"choices\" : [ {\"index\" : 0} ] , \"x\": 1 }\n", "{\"choices\":[{\"index\":0 }]}"},
       "{ \"choices\" : [{\"index\" : 0},{\"index\":1 }] , \"x\": 1 }\n"},
      {"usage of none that tells",
       {R"({"choices":[{}],"usage":null})", R"({"choices":[{}]})"},
       R"({"choices":[{"index":0},{"index":1}],"usage":null})"},
      {"no choice", {R"({"choices":[{}]})", R"({"choices":[]})"}, ""},
      {"no choices", {R"({"x":1})", R"({"choices":[{}]})"}, ""},
      {"too many", {R"({"choices":[{}]})", R"({"choices":[{},{}]})"}, ""},
  };
  for (const auto& c : cases)
    EXPECT_EQ(joined(c.answers), c.expected) << c.name;
}

TEST(Choices, ThePromptIsCountedOnce) {
  const auto answer = [](const char* usage) {
    return R"({"choices":[{}],"usage":)" + std::string(usage) + "}";
  };
  const json usage = json::parse(
      joined({answer(R"({"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,)"
                     R"("prompt_tokens_details":{"cached_tokens":2}})"),
              answer(R"({"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,)"
                     R"("prompt_tokens_details":{"cached_tokens":9},)"
                     R"("completion_tokens_details":{"reasoning_tokens":1}})"),
              answer(R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15})")}))["usage"];
  EXPECT_EQ(usage["prompt_tokens"], 10);
  EXPECT_EQ(usage["completion_tokens"], 12);
  EXPECT_EQ(usage["total_tokens"], 22);
  EXPECT_EQ(usage["prompt_tokens_details"]["cached_tokens"], 2);
  EXPECT_EQ(usage["completion_tokens_details"]["reasoning_tokens"], 1);
}

TEST(Choices, StreamsBecomeOne) {
  const struct {
    const char* name;
    std::uint32_t choice;
    std::string data;
    std::string expected;
  } events[] = {
      {"the first says what all are", 1, R"({"id":"a","created":5,"choices":[{"index":0,"x":1}]})",
       R"({"id":"a","created":5,"choices":[{"index":1,"x":1}]})"},
      {"another", 0, R"({"id":"b","created":6,"choices":[{"index":0,"x":2}]})",
       R"({"id":"a","created":5,"choices":[{"index":0,"x":2}]})"},
      {"without a number", 2, R"({"choices":[{"x":2}]})", R"({"choices":[{"index":2,"x":2}]})"},
      {"of a second prompt", 2, R"({"choices":[{"index":1}]})", R"({"choices":[{"index":5}]})"},
      {"a usage beside it", 1,
       R"({"usage":{"prompt_tokens":2,"completion_tokens":7},)"
       R"("choices":[{"index":0}]})",
       R"({"usage":null,"choices":[{"index":1}]})"},
      {"no usage yet", 1, R"({"usage":null,"choices":[{"index":0}]})",
       R"({"usage":null,"choices":[{"index":1}]})"},
      {"a usage alone", 0, R"({"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}})",
       ""},
      {"neither", 0, R"({"id":"b","choices":[]})", R"({"id":"a","choices":[]})"},
      {"half of a character", 1, R"({"choices":[{"delta":{"content":"\ud83d"},"index":0}]})",
       R"({"choices":[{"delta":{"content":"\ud83d"},"index":1}]})"},
      {"a comment", 0, "", ""},
      {"the end of one", 0, "[DONE]", ""},
      {"several lines", 0, "{\n\"choices\":[\n{\"index\":0}]}", R"({ "choices":[ {"index":0}]})"},
      {"no error", 0, R"({"error":null,"choices":[{"index":0}]})",
       R"({"error":null,"choices":[{"index":0}]})"},
  };
  ChoiceStreams streams(3, true);
  for (const auto& event : events) {
    std::string out;
    EXPECT_TRUE(streams.take(event.choice, event.data, out)) << event.name;
    const std::string expected =
        event.expected.empty() ? std::string() : "data: " + event.expected + "\n\n";
    EXPECT_EQ(out, expected) << event.name;
  }
  std::string out;
  EXPECT_FALSE(streams.take(0, R"({"error":{"message":"x"}})", out));
  EXPECT_EQ(out, "");
}

TEST(Choices, TheEndHasTheUsageOfAll) {
  for (const bool asked : {false, true}) {
    ChoiceStreams streams(3, asked);
    std::string ignored;
    const std::string first =
        R"({"id":"a","object":"chat.completion.chunk","created":5,"model":"m","choices":[{}]})";
    EXPECT_TRUE(streams.take(0, first, ignored));
    EXPECT_TRUE(streams.take(
        0, R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}})", ignored));
    EXPECT_TRUE(streams.take(
        2, R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}})", ignored));
    streams.count(0, {.input = 100, .output = 100});
    streams.count(1, {.input = 9, .output = 5});
    std::string out;
    streams.finish(out);
    if (!asked) {
      EXPECT_EQ(out, "data: [DONE]\n\n");
      continue;
    }
    ASSERT_TRUE(out.ends_with("}\n\ndata: [DONE]\n\n")) << out;
    const json event = json::parse(out.substr(6, out.find("\n\n") - 6));
    EXPECT_EQ(event["id"], "a");
    EXPECT_EQ(event["object"], "chat.completion.chunk");
    EXPECT_EQ(event["created"], 5);
    EXPECT_EQ(event["model"], "m");
    EXPECT_EQ(event["choices"], json::array());
    EXPECT_EQ(event["usage"]["prompt_tokens"], 9);
    EXPECT_EQ(event["usage"]["completion_tokens"], 12);
    EXPECT_EQ(event["usage"]["total_tokens"], 21);
  }
}

}  // namespace
}  // namespace rocket
