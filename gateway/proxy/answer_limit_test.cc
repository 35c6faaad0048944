#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"

// What becomes of the limit of an answer that a model's context has no room for.
namespace rocket {
namespace {

using nlohmann::json;

std::string ask(const std::string& limit, size_t characters) {
  return sim_post("/v1/messages", R"({"model":"fake-model","max_tokens":)" + limit +
                                      R"(,"messages":[{"role":"user","content":")" +
                                      std::string(characters, 'a') + R"("}]})");
}

SimGateway::BackendSpec backend(FakeKind fake, BackendKind kind) {
  FakeScript script;
  script.kind = fake;
  script.context = 2048;
  return {.name = "one", .endpoints = {script}, .default_model = "fake-model", .kind = kind};
}

// Anthropic's clients have to name one, and agents name what Claude can give.
TEST(AnswerLimit, WhatVllmHasNoRoomForIsNoRefusal) {
  const struct {
    const char* name;
    const char* limit;
    size_t characters;
    json sent;
    const char* told;
  } cases[] = {
      {"it fits", "100", 10, 100, ""},
      {"more than there is", "32000", 10, nullptr, ""},
      {"more than there may be", "1500", 2984, 1047, "emulated=max_tokens"},
  };
  SimGateway gateway(1, {backend(FakeKind::vllm, BackendKind::vllm)});
  for (const auto& c : cases) {
    const auto request = gateway.ask(ask(c.limit, c.characters));
    ASSERT_EQ(request->status(), 200) << c.name << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), c.told) << c.name;
    const json sent = json::parse(gateway.fake("one").recorder().requests().back().body);
    EXPECT_EQ(sent.value("max_tokens", json()), c.sent) << c.name << sent;
  }
  // Who lowers it himself is told what was asked for.
  SimGateway lowers(1, {backend(FakeKind::llama_cpp, BackendKind::openai)});
  ASSERT_EQ(lowers.ask(ask("32000", 10))->status(), 200);
  const json sent = json::parse(lowers.fake("one").recorder().requests().back().body);
  EXPECT_EQ(sent["max_tokens"], 32000);
}

}  // namespace
}  // namespace rocket
