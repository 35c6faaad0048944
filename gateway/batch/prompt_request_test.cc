#include "batch/prompt_request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using nlohmann::json;

TEST(PromptRequest, makes_a_chat_completion_of_each_prompt) {
  const auto request =
      read_prompt_request(R"({"prompts":["a\n",[{"role":"system","content":"s"}]],"backend":"b",)"
                          R"("params":{"model":"m","max_tokens":3}})");
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->backend, "b");
  ASSERT_EQ(request->prompts.size(), 2U);
  EXPECT_EQ(json::parse(request->body(0)),
            json::parse(R"({"model":"m","max_tokens":3,)"
                        R"("messages":[{"role":"user","content":"a\n"}]})"));
  EXPECT_EQ(json::parse(request->body(1)),
            json::parse(R"({"model":"m","max_tokens":3,)"
                        R"("messages":[{"role":"system","content":"s"}]})"));
}

TEST(PromptRequest, only_prompts_are_needed) {
  for (const char* body : {R"({"prompts":["a"]})", R"({"prompts":["a"],"params":{ }})",
                           R"({"prompts":["a"],"params":null,"backend":null})"}) {
    const auto request = read_prompt_request(body);
    ASSERT_TRUE(request) << body;
    EXPECT_EQ(request->body(0), R"({"messages":[{"role":"user","content":"a"}]})");
  }
}

TEST(PromptRequest, copies_nothing_for_each_prompt) {
  const std::string body = R"({"params":{"model":"m"},"prompts":["a","b"]})";
  const auto request = read_prompt_request(body);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->params.data(), body.data() + body.find(R"("model")"));
  ASSERT_EQ(request->prompts.size(), 2U);
  EXPECT_EQ(request->prompts[1].text.data(), body.data() + body.find(R"("b")"));
}

TEST(PromptRequest, every_refusal_names_the_field) {
  std::string many = "\"a\"";
  for (int i = 0; i < 1000; ++i)
    many += ",\"a\"";
  const std::pair<std::string, const char*> cases[] = {
      {"[]", "object"},
      {"{}", "prompts"},
      {R"({"prompts":"a"})", "prompts"},
      {R"({"prompts":[]})", "empty"},
      {R"({"prompts":["a",7]})", "prompts[1]"},
      {R"({"prompts":[)" + many + "]}", "1000"},
      {R"({"prompts":["a"],"prompts":["b"]})", "twice"},
      {R"({"prompts":["a"],"model":"m"})", "model"},
      {R"({"prompts":["a"],"backend":7})", "backend"},
      {R"({"prompts":["a"],"backend":"b\nx-rocket-lane: interactive"})", "backend"},
      {R"({"prompts":["a"],"backend":"\u0000"})", "backend"},
      {R"({"prompts":["a"],"params":[]})", "params"},
      {R"({"prompts":["a"],"params":{"stream":true}})", "stream"},
      {R"({"prompts":["a"],"params":{"messages":[]}})", "messages"},
      {R"({"prompts":["a"],"params":{"backend":"b"}})", "backend"},
  };
  for (const auto& [body, name] : cases) {
    const auto request = read_prompt_request(body);
    ASSERT_FALSE(request) << body.substr(0, 80);
    EXPECT_TRUE(request.error().detail.contains(name)) << request.error().detail;
  }
}

}  // namespace
}  // namespace rocket
