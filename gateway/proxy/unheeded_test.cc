#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"

// What becomes of what a client says and its server would not heed, as it and upstreams see it.
namespace rocket {
namespace {

using nlohmann::json;

constexpr const char* chat = "/v1/chat/completions";
constexpr const char* messages = "/v1/messages";

SimGateway::BackendSpec backend(FakeKind fake, BackendKind kind) {
  FakeScript script;
  script.kind = fake;
  return {.name = "one", .endpoints = {script}, .default_model = "fake-model", .kind = kind};
}

std::string ask(const char* path, const std::string& said, const std::string& lines = "") {
  const std::string asked = path == std::string_view("/v1/completions")
                                ? R"("prompt":"hi"})"
                                : R"("messages":[{"role":"user","content":"hi"}]})";
  return sim_post(path, R"({"model":"fake-model",)" + said + asked, lines);
}

TEST(UnheededMembers, AnAnswersLimitHoldsByEitherOfItsNames) {
  const struct {
    FakeKind fake;
    BackendKind kind;
    const char* known_as;
  } cases[] = {
      {FakeKind::ollama, BackendKind::ollama, "max_tokens"},
      {FakeKind::lmstudio, BackendKind::lmstudio, "max_tokens"},
      {FakeKind::vllm, BackendKind::vllm, "max_completion_tokens"},
      {FakeKind::llama_cpp, BackendKind::openai, "max_completion_tokens"},
  };
  for (const auto& c : cases) {
    SimGateway gateway(1, {backend(c.fake, c.kind)});
    const auto request =
        gateway.ask(ask(chat, R"("max_completion_tokens":2,)", "x-rocket-strict: 1\r\n"));
    ASSERT_EQ(request->status(), 200) << to_string(c.kind) << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "") << to_string(c.kind);
    const json sent = json::parse(gateway.fake("one").recorder().requests().back().body);
    EXPECT_EQ(sent.value(c.known_as, 0), 2) << sent;
    const json answer = json::parse(request->body());
    EXPECT_EQ(answer["usage"]["completion_tokens"], 2) << to_string(c.kind) << answer;
  }
}

TEST(UnheededMembers, WhatDevelopersSayReachesModelsThatKnowNone) {
  for (const BackendKind kind : {BackendKind::ollama, BackendKind::lmstudio, BackendKind::vllm}) {
    const FakeKind fake = kind == BackendKind::ollama     ? FakeKind::ollama
                          : kind == BackendKind::lmstudio ? FakeKind::lmstudio
                                                          : FakeKind::vllm;
    SimGateway gateway(1, {backend(fake, kind)});
    const auto request = gateway.ask(
        sim_post(chat,
                 R"({"model":"fake-model","messages":[{"role":"developer","content":"Be brief."},)"
                 R"({"role":"user","content":"hi"}]})",
                 "x-rocket-strict: 1\r\n"));
    ASSERT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "");
    const json sent = json::parse(gateway.fake("one").recorder().requests().back().body);
    EXPECT_EQ(sent["messages"][0]["role"], kind == BackendKind::vllm ? "developer" : "system");
    EXPECT_EQ(sent["messages"][1]["role"], "user");
  }
}

TEST(UnheededMembers, LmStudioIsAskedForAnyJsonObjectByItsSchema) {
  SimGateway gateway(1, {backend(FakeKind::lmstudio, BackendKind::lmstudio)});
  const char* said = R"("response_format":{"type":"json_object"},)";
  const auto request = gateway.ask(ask(chat, said));
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(request->header("x-rocket-translation"), "emulated=response_format");
  const auto strict = gateway.ask(ask(chat, said, "x-rocket-strict: 1\r\n"));
  EXPECT_EQ(strict->status(), 400);
  EXPECT_TRUE(strict->body().contains("emulated=response_format")) << strict->body();
}

TEST(UnheededMembers, WhatOllamaDoesNotHeedIsAnnounced) {
  const struct {
    const char* name;
    const char* path;
    const char* said;
    const char* told;
  } cases[] = {
      {"chat", chat, R"("logit_bias":{"1":2},"min_p":0.1,"n":2,)",
       "dropped=logit_bias,dropped=min_p,emulated=n"},
      {"completions", "/v1/completions", R"("top_k":3,)", "dropped=top_k"},
      {"messages", messages, R"("top_k":3,"max_tokens":9,)", "dropped=top_k"},
      {"nothing is said", chat, R"("logit_bias":{},"top_k":null,)", ""},
  };
  SimGateway gateway(1, {backend(FakeKind::ollama, BackendKind::ollama)});
  SimGateway heeds(1, {backend(FakeKind::vllm, BackendKind::vllm)});
  for (const auto& c : cases) {
    const auto request = gateway.ask(ask(c.path, c.said));
    ASSERT_EQ(request->status(), 200) << c.name << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), c.told) << c.name;
    const auto strict = gateway.ask(ask(c.path, c.said, "x-rocket-strict: 1\r\n"));
    EXPECT_EQ(strict->status(), std::string(c.told).empty() ? 200 : 400) << c.name;
    const auto other = heeds.ask(ask(c.path, c.said, "x-rocket-strict: 1\r\n"));
    EXPECT_EQ(other->status(), 200) << c.name << other->body();
  }
}

}  // namespace
}  // namespace rocket
