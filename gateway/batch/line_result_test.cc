#include "batch/line_result.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using nlohmann::json;

const AskedLine asked{.line = 7, .custom_id = "my \"id\"", .id = "batch_req_1"};

TEST(LineResult, of_an_answer_is_one_line_with_the_answer_in_it) {
  const LineResult result = answered_line(
      asked,
      {.status = 200,
       .request_id = "req_1",
       .body = "{\n  \"object\": \"chat.completion\",\r\n  \"usage\": {\"prompt_tokens\": 10, "
               "\"completion_tokens\": 5,\n\"prompt_tokens_details\": {\"cached_tokens\": 4}, "
               "\"completion_tokens_details\": {\"reasoning_tokens\": 2}}}"},
      "/v1/chat/completions");
  EXPECT_EQ(result.line, 7U);
  EXPECT_FALSE(result.error);
  EXPECT_FALSE(result.json.contains('\n'));
  EXPECT_FALSE(result.json.contains('\r'));
  const json read = json::parse(result.json);
  EXPECT_EQ(read["id"], "batch_req_1");
  EXPECT_EQ(read["custom_id"], "my \"id\"");
  EXPECT_EQ(read["response"]["status_code"], 200);
  EXPECT_EQ(read["response"]["request_id"], "req_1");
  EXPECT_EQ(read["response"]["body"]["object"], "chat.completion");
  EXPECT_TRUE(read["error"].is_null());
  EXPECT_EQ(result.tokens, (BatchTokens{.input = 10, .cached = 4, .output = 5, .reasoning = 2}));
}

TEST(LineResult, says_what_a_translation_has_lost) {
  const LineResult lossy = answered_line(
      asked,
      {.status = 200, .request_id = "r", .body = "{}", .translation = "dropped=seed,emulated=n"},
      "/v1/chat/completions");
  EXPECT_EQ(json::parse(lossy.json)["response"]["translation"], "dropped=seed,emulated=n");
  const LineResult whole = answered_line(asked, {.status = 200, .request_id = "r", .body = "{}"},
                                         "/v1/chat/completions");
  EXPECT_FALSE(json::parse(whole.json)["response"].contains("translation"));
}

TEST(LineResult, tokens_of_responses_are_called_otherwise) {
  const LineResult result =
      answered_line(asked,
                    {.status = 200,
                     .request_id = "r",
                     .body = R"({"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}})"},
                    "/v1/responses");
  EXPECT_EQ(result.tokens.input, 3U);
  EXPECT_EQ(result.tokens.output, 4U);
}

TEST(LineResult, tokens_of_all_lines_of_a_batch_can_be_added_up) {
  constexpr std::uint64_t lines_max = 1'000'000;
  const LineResult result = answered_line(
      asked,
      {.status = 200,
       .request_id = "r",
       .body = R"({"usage":{"prompt_tokens":9007199254740992,"completion_tokens":-1}})"},
      "/v1/chat/completions");
  EXPECT_GT(result.tokens.input, 1'000'000'000U);
  EXPECT_LT(result.tokens.input, (std::uint64_t{1} << 63U) / lines_max);
  EXPECT_EQ(result.tokens.output, 0U);
}

TEST(LineResult, a_refusal_goes_into_the_error_file_with_its_body) {
  const LineResult result =
      answered_line(asked, {.status = 404, .request_id = "r", .body = R"({"error":{}})"}, "/v1/x");
  EXPECT_TRUE(result.error);
  EXPECT_EQ(json::parse(result.json)["response"]["status_code"], 404);
  EXPECT_EQ(result.tokens, BatchTokens{});
}

TEST(LineResult, what_is_no_JSON_is_a_text) {
  const LineResult result =
      answered_line(asked, {.status = 502, .request_id = "r", .body = "a\n\"b"}, "/v1/x");
  EXPECT_EQ(json::parse(result.json)["response"]["body"], "a\n\"b");
  EXPECT_FALSE(result.json.contains('\n'));
}

TEST(LineResult, without_an_answer_has_an_error_of_its_own) {
  const LineResult result = unanswered_line(asked, "batch_expired", "Too late.");
  EXPECT_TRUE(result.error);
  EXPECT_EQ(result.line, 7U);
  const json read = json::parse(result.json);
  EXPECT_TRUE(read["response"].is_null());
  EXPECT_EQ(read["error"]["code"], "batch_expired");
  EXPECT_EQ(read["error"]["message"], "Too late.");
}

}  // namespace
}  // namespace rocket
