#include "schema/unheeded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "schema/openai_request.h"

namespace rocket {
namespace {

std::string heeded(std::string_view body, BackendKind kind, TranslationLoss& loss) {
  auto edits = heeded_edits(body, quirks_of(kind), loss);
  std::ranges::sort(edits, {}, &Edit::begin);
  std::string text;
  for (const std::string_view piece : splice(body, edits))
    text += piece;
  return text;
}

TEST(Unheeded, IsSaidInWordsThatTheServerKnowsOrIsLost) {
  const struct {
    const char* name;
    BackendKind kind;
    std::string_view body;
    std::string_view sent;
    std::string_view loss;
  } cases[] = {
      {"the limit's newer name", BackendKind::ollama, R"({"max_completion_tokens": 9,"a":1})",
       R"({"max_tokens": 9,"a":1})", ""},
      {"escaped", BackendKind::ollama, R"({"max\u005fcompletion_tokens":9})", R"({"max_tokens":9})",
       ""},
      {"LM Studio's", BackendKind::lmstudio, R"({"max_completion_tokens":9,"top_k":1})",
       R"({"max_tokens":9,"top_k":1})", ""},
      {"those who know it", BackendKind::vllm, R"({"max_completion_tokens":9})",
       R"({"max_completion_tokens":9})", ""},
      {"both names", BackendKind::ollama, R"({"max_completion_tokens":9,"max_tokens":8})",
       R"({"max_completion_tokens":9,"max_tokens":8})", "dropped=max_completion_tokens"},
      // Of two members of a name servers take the last.
      {"the older one says nothing", BackendKind::ollama,
       R"({"max_completion_tokens":9,"max_tokens":null})",
       R"({"max_completion_tokens":9,"max_tokens":9})", ""},
      {"twice", BackendKind::ollama, R"({"max_completion_tokens":9,"max_completion_tokens":8})",
       R"({"max_completion_tokens":9,"max_completion_tokens":8})", "dropped=max_completion_tokens"},
      {"nothing is said", BackendKind::ollama,
       R"({"max_completion_tokens":null,"logit_bias":{},"top_k":null})",
       R"({"max_completion_tokens":null,"logit_bias":{},"top_k":null})", ""},
      {"what developers say", BackendKind::ollama,
       R"({"max_completion_tokens":9,"messages":[{"role":"developer","content":"\"developer\""},)"
       R"({"content":"x","role": "user","a":{"role":"developer"}},{"role":"d\u0065veloper"}]})",
       R"({"max_tokens":9,"messages":[{"role":"system","content":"\"developer\""},)"
       R"({"content":"x","role": "user","a":{"role":"developer"}},{"role":"system"}]})",
       ""},
      {"no developer's", BackendKind::lmstudio, R"({"messages":[{"role":"user"},1]})",
       R"({"messages":[{"role":"user"},1]})", ""},
      {"to who heeds them", BackendKind::vllm, R"({"messages":[{"role":"developer"}]})",
       R"({"messages":[{"role":"developer"}]})", ""},
      {"any JSON object", BackendKind::lmstudio,
       R"({"response_format":{"type":"json_object"},"a":1})",
       R"({"response_format":{"type":"json_schema","json_schema":{"name":"answer",)"
       R"("schema":{"type":"object"}}},"a":1})",
       "emulated=response_format"},
      {"of who takes it", BackendKind::ollama, R"({"response_format":{"type":"json_object"}})",
       R"({"response_format":{"type":"json_object"}})", ""},
      {"another format", BackendKind::lmstudio, R"({"response_format":{"type":"text"}})",
       R"({"response_format":{"type":"text"}})", ""},
      {"not heeded", BackendKind::ollama, R"({"logit_bias":{"1":2},"top_k":3,"min_p":0.1})",
       R"({"logit_bias":{"1":2},"top_k":3,"min_p":0.1})",
       "dropped=logit_bias,dropped=top_k,dropped=min_p"},
      {"functions, which came before tools", BackendKind::vllm,
       R"({"functions":[{"name":"f"}],"function_call":"auto","top_k":3})",
       R"({"functions":[{"name":"f"}],"function_call":"auto","top_k":3})",
       "dropped=functions,dropped=function_call"},
      {"of who has them", BackendKind::openai, R"({"functions":[{"name":"f"}]})",
       R"({"functions":[{"name":"f"}]})", ""},
      {"none", BackendKind::ollama, R"({"functions":[],"function_call":null})",
       R"({"functions":[],"function_call":null})", ""},
      {"heeded", BackendKind::openai, R"({"logit_bias":{"1":2},"top_k":3,"min_p":0.1})",
       R"({"logit_bias":{"1":2},"top_k":3,"min_p":0.1})", ""},
  };
  for (const auto& c : cases) {
    TranslationLoss loss;
    EXPECT_EQ(heeded(c.body, c.kind, loss), c.sent) << c.name;
    EXPECT_EQ(loss.to_string(), c.loss) << c.name;
  }
}

// What is not noticed when a request is read is not looked for when it is sent.
TEST(Unheeded, WhatAnyKindDoesNotHeedIsNoticed) {
  const auto noticed = [](std::string_view key, std::string_view json = "1") {
    return seldom_heeded({.key = key, .value = {JsonKind::number, json}});
  };
  for (const BackendKind kind : all_backend_kinds) {
    for (const std::string_view name : quirks_of(kind).unheeded)
      EXPECT_TRUE(noticed(name)) << name;
  }
  EXPECT_TRUE(noticed("max_completion_tokens"));
  EXPECT_FALSE(noticed("max_completion_tokens", "null"));
  EXPECT_FALSE(noticed("max_tokens"));
  const auto format = [](std::string_view json) {
    return seldom_heeded({.key = "response_format", .value = {JsonKind::object, json}});
  };
  EXPECT_TRUE(format(R"({"type":"json_object"})"));
  EXPECT_FALSE(format(R"({"type":"json_schema","json_schema":{}})"));
  EXPECT_FALSE(noticed("temperature"));
}

TEST(Unheeded, ItIsNoticedWhenTheRequestIsRead) {
  const auto seldom = [](const std::string& members, Operation operation) {
    const auto request =
        read_openai_request(operation, R"({"messages":[{"role":"user"}],)" + members + "}");
    EXPECT_TRUE(request) << members;
    return request && request->seldom_heeded;
  };
  for (const char* members :
       {R"("logit_bias":{"1":2})", R"("max_completion_tokens":5)", R"("top_k":3)"}) {
    EXPECT_TRUE(seldom(members, Operation::chat_completions)) << members;
    EXPECT_TRUE(seldom(members, Operation::completions)) << members;
    // Their own readers see to it.
    EXPECT_FALSE(seldom(members, Operation::messages)) << members;
  }
  EXPECT_FALSE(seldom(R"("max_tokens":5,"logit_bias":null)", Operation::chat_completions));
  const std::string_view told = R"({"messages":[{"role":"developer","content":"Be brief."}]})";
  for (const Operation operation : {Operation::chat_completions, Operation::messages}) {
    const auto request = read_openai_request(operation, told);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->seldom_heeded, operation == Operation::chat_completions);
  }
}

}  // namespace
}  // namespace rocket
