#include "batch/batch_line.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr std::string_view chat = "/v1/chat/completions";

TEST(BatchLine, reads_what_is_to_be_asked) {
  const std::string text =
      R"({"custom_id":"a\u0041","method":"POST","url":"/v1/chat\/completions","extra":1,)"
      R"("body":{"model":"m","messages":[]}})";
  const auto line = read_batch_line(text, chat);
  ASSERT_TRUE(line.has_value()) << line.error().message;
  EXPECT_EQ(line->custom_id, "aA");
  EXPECT_EQ(line->body, R"({"model":"m","messages":[]})");
}

TEST(BatchLine, counts_no_lines_of_its_own) {
  EXPECT_EQ(read_batch_line("{} {}", chat).error().message,
            "This line is not parseable as a JSON object: column 4: expected nothing after the "
            "object, found '{'");
}

// A batch keeps a hundred of these.
TEST(BatchLine, shows_the_beginning_of_what_is_long) {
  const auto line = read_batch_line(
      R"({"custom_id":"a","method":"POST","url":")" + std::string(5000, 'x') + R"(","body":{}})",
      chat);
  EXPECT_LE(line.error().message.size(), 250U);
  EXPECT_TRUE(line.error().message.contains(std::string(64, 'x') + "...'"));
  EXPECT_EQ(shown(std::string(64, 'x')), std::string(64, 'x'));
  EXPECT_EQ(shown(std::string(63, 'x') + "ä"), std::string(63, 'x') + "...") << "no half of one";
}

struct BadLine {
  const char* name;
  std::string text;
  const char* code;
  const char* param;
};

TEST(BatchLine, says_what_is_wrong_and_where) {
  const std::string rest = R"(,"method":"POST","url":"/v1/chat/completions","body":{}})";
  const BadLine cases[] = {
      {"no JSON", "{", "invalid_json_line", ""},
      {"an array", "[1]", "invalid_json_line", ""},
      {"two values", "{} {}", "invalid_json_line", ""},
      {"not UTF-8", "{\"a\":\"\xff\"}", "invalid_json_line", ""},
      {"no id", "{\"a\":1" + rest, "missing_required_parameter", "custom_id"},
      {"an id that is null", "{\"custom_id\":null" + rest, "missing_required_parameter",
       "custom_id"},
      {"an id that is a number", "{\"custom_id\":7" + rest, "invalid_custom_id", "custom_id"},
      {"an empty id", "{\"custom_id\":\"\"" + rest, "invalid_custom_id", "custom_id"},
      {"a long id", "{\"custom_id\":\"" + std::string(513, 'x') + "\"" + rest, "invalid_custom_id",
       "custom_id"},
      {"an id that stands twice", "{\"custom_id\":\"a\",\"custom_id\":\"b\"" + rest,
       "invalid_json_line", "custom_id"},
      {"no method", R"({"custom_id":"a","url":"/v1/chat/completions","body":{}})", "invalid_method",
       "method"},
      {"GET", R"({"custom_id":"a","method":"GET","url":"/v1/chat/completions","body":{}})",
       "invalid_method", "method"},
      {"no url", R"({"custom_id":"a","method":"POST","body":{}})", "missing_required_parameter",
       "url"},
      {"another url", R"({"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}})",
       "invalid_url", "url"},
      {"no body", R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions"})",
       "missing_required_parameter", "body"},
      {"a body that is a text",
       R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":"x"})",
       "invalid_body", "body"},
      {"a stream",
       R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"stream":true}})",
       "invalid_parameter", "body.stream"},
  };
  for (const BadLine& c : cases) {
    const auto line = read_batch_line(c.text, chat);
    ASSERT_FALSE(line.has_value()) << c.name;
    EXPECT_EQ(line.error().code, c.code) << c.name;
    EXPECT_EQ(line.error().param, c.param) << c.name;
    EXPECT_FALSE(line.error().message.empty()) << c.name;
  }
}

TEST(BatchLine, no_stream_may_be_said) {
  EXPECT_TRUE(read_batch_line(
      R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"stream":false}})",
      chat));
}

TEST(BatchLine, kin_have_the_model_and_the_beginning_of_the_prompt_in_common) {
  const auto of = [](const std::string& model, const std::string& prompt) {
    return kinship_of(R"({"model":")" + model + R"(",)" + prompt + "}");
  };
  const auto chat_of = [](const std::string& instructions, const std::string& question) {
    return R"("messages":[{"role":"system","content":")" + instructions +
           R"("},{"role":"user","content":")" + question + R"("}])";
  };
  EXPECT_EQ(of("m", chat_of("be brief", "1")), of("m", chat_of("be brief", "2")));
  EXPECT_NE(of("m", chat_of("be brief", "1")).prefix, of("m", chat_of("be kind", "1")).prefix);
  EXPECT_NE(of("m", chat_of("x", "1")).model, of("n", chat_of("x", "1")).model);
  EXPECT_NE(of("m", R"("prompt":"a")").prefix, of("m", R"("prompt":"b")").prefix);
  EXPECT_NE(of("m", R"("input":"a","instructions":"x")").prefix,
            of("m", R"("input":"a","instructions":"y")").prefix);
  EXPECT_EQ(kinship_of("{}"), LineKinship{});
  EXPECT_EQ(of("m", R"("messages":[])").model, of("m", R"("messages":7)").model);
}

}  // namespace
}  // namespace rocket
