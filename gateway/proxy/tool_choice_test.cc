#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"

// What becomes of a client's word on which tools are to be called, as it and upstreams see it.
namespace rocket {
namespace {

using nlohmann::json;

constexpr const char* chat = "/v1/chat/completions";
constexpr const char* messages = "/v1/messages";
constexpr const char* responses = "/v1/responses";

SimGateway::BackendSpec backend(FakeKind fake, BackendKind kind) {
  FakeScript script;
  script.kind = fake;
  return {.name = "one", .endpoints = {script}, .default_model = "fake-model", .kind = kind};
}

std::string ask(const char* path, const std::string& said, const std::string& lines = "") {
  const std::string turn = R"("messages":[{"role":"user","content":"hi"}])";
  const std::string asked = path == chat       ? turn
                            : path == messages ? R"("max_tokens":50,)" + turn
                                               : R"("input":"hi")";
  return sim_post(path, R"({"model":"fake-model",)" + said + asked + "}", lines);
}

// Ollama lets the model call what it likes: what can be had by showing it fewer tools is, and the
// client is told of the rest, whichever way it comes.
TEST(ToolChoice, WhatOllamaDoesNotHeedIsEmulatedOrAnnounced) {
  const std::string tool = R"({"type":"function","function":{"name":"f"}})";
  const std::string other = R"({"type":"function","function":{"name":"g"}})";
  const std::string chat_tools = R"("tools":[)" + tool + "," + other + "],";
  const std::string messages_tools =
      R"("tools":[{"name":"f","input_schema":{}},{"name":"g","input_schema":{}}],)";
  const struct {
    const char* name;
    const char* path;
    std::string said;
    std::vector<std::string> shown;
    const char* told;
  } cases[] = {
      {"none",
       chat,
       R"("tool_choice":"none",)" + chat_tools,
       {},
       "emulated=tool_choice,emulated=tools"},
      {"one",
       chat,
       R"("tool_choice":{"type":"function","function":{"name":"g"}},)" + chat_tools,
       {"g"},
       "dropped=tool_choice,emulated=tools"},
      {"any", chat, R"("tool_choice":"required",)" + chat_tools, {"f", "g"}, "dropped=tool_choice"},
      {"one at a time",
       chat,
       R"("parallel_tool_calls":false,)" + chat_tools,
       {"f", "g"},
       "dropped=parallel_tool_calls"},
      {"as it likes", chat, R"("tool_choice":"auto",)" + chat_tools, {"f", "g"}, ""},
      {"Anthropic's none",
       messages,
       R"("tool_choice":{"type":"none"},)" + messages_tools,
       {},
       "emulated=tool_choice,emulated=tools"},
      {"Anthropic's one",
       messages,
       R"("tool_choice":{"type":"tool","name":"g"},)" + messages_tools,
       {"g"},
       "dropped=tool_choice,emulated=tools"},
      {"Anthropic's one at a time",
       messages,
       R"("tool_choice":{"type":"auto","disable_parallel_tool_use":true},)" + messages_tools,
       {"f", "g"},
       "dropped=parallel_tool_calls"},
      {"of Responses",
       responses,
       R"("tool_choice":"required","tools":[{"type":"function","name":"f","parameters":{}}],)",
       {"f"},
       "dropped=tool_choice"},
  };
  SimGateway gateway(1, {backend(FakeKind::ollama, BackendKind::ollama)});
  for (const auto& c : cases) {
    gateway.fake("one").recorder().clear();
    const auto request = gateway.ask(ask(c.path, c.said));
    ASSERT_EQ(request->status(), 200) << c.name << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), c.told) << c.name;
    const json body = json::parse(gateway.fake("one").recorder().requests().back().body);
    std::vector<std::string> shown;
    if (body.contains("tools")) {
      for (const json& one : body["tools"])
        shown.push_back(one["function"]["name"]);
    }
    EXPECT_EQ(shown, c.shown) << c.name << body;

    const auto strict = gateway.ask(ask(c.path, c.said, "x-rocket-strict: 1\r\n"));
    EXPECT_EQ(strict->status(), std::string(c.told).empty() ? 200 : 400) << c.name;
    EXPECT_TRUE(strict->status() == 200 || strict->body().contains(c.told)) << strict->body();
  }
  // What others are told stays as it is.
  SimGateway plain(1, {backend(FakeKind::llama_cpp, BackendKind::openai)});
  for (const auto& c : cases) {
    const auto request = plain.ask(ask(c.path, c.said, "x-rocket-strict: 1\r\n"));
    EXPECT_EQ(request->status(), 200) << c.name << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "") << c.name;
  }
}

// LM Studio refuses a name, and takes "required".
TEST(ToolChoice, ANameIsTheOnlyToolToWhoTakesWordsAlone) {
  const std::string messages_tools =
      R"("tools":[{"name":"f","input_schema":{}},{"name":"g","input_schema":{}}],)";
  const std::pair<const char*, std::string> asked[] = {
      {chat, R"("tools":[{"type":"function","function":{"name":"f"}},)"
             R"({"type":"function","function":{"name":"g"}}],)"
             R"("tool_choice":{"type":"function","function":{"name":"g"}},)"},
      {messages, R"("tool_choice":{"type":"tool","name":"g"},)" + messages_tools},
  };
  SimGateway gateway(1, {backend(FakeKind::lmstudio, BackendKind::lmstudio)});
  for (const auto& [path, said] : asked) {
    const auto request = gateway.ask(ask(path, said));
    ASSERT_EQ(request->status(), 200) << path << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "emulated=tool_choice,emulated=tools");
    const json body = json::parse(gateway.fake("one").recorder().requests().back().body);
    ASSERT_EQ(body["tools"].size(), 1U) << body;
    EXPECT_EQ(body["tools"][0]["function"]["name"], "g") << body;
    EXPECT_EQ(body["tool_choice"], "required") << body;
  }
}

}  // namespace
}  // namespace rocket
