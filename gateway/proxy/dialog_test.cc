#include "proxy/dialog.h"

#include <gtest/gtest.h>

#include "testing/dialect_clients.h"

namespace rocket {
namespace {

TEST(Dialog, EveryClientHearsEveryBackend) {
  for (const Upstream& upstream : upstreams) {
    SimGateway gateway(1, {backend(upstream)});
    const std::string expected = fake_text(gateway.fake("one").script());
    for (const Client& client : clients) {
      const std::string name =
          std::string(to_string(client.dialect)) + " over " + std::string(to_string(upstream.fake));
      const auto request = gateway.ask(ask(client, false));
      ASSERT_EQ(request->status(), 200) << name << request->body();
      const json answer = json::parse(request->body());
      EXPECT_EQ(answer[json::json_pointer(client.answer)], expected) << name;
      EXPECT_EQ(answer.contains("_backend"), client.dialect == Dialect::chat) << name;
      EXPECT_EQ(request->header("content-type"), "application/json") << name;
      EXPECT_EQ(request->header("x-rocket-backend"), "one") << name;

      const auto streamed = gateway.ask(ask(client, true));
      ASSERT_EQ(streamed->status(), 200) << name << streamed->body();
      EXPECT_TRUE(streamed->whole()) << name;
      EXPECT_EQ(fault_of(client.dialect, streamed->body()), "") << name;
      EXPECT_EQ(said(client.dialect, streamed->body()), expected) << name;
      EXPECT_EQ(streamed->header("content-type"), stream_content_type(client.dialect)) << name;
    }
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

TEST(Dialog, TheUpstreamIsAskedInItsOwnDialect) {
  for (const Upstream& upstream : upstreams) {
    for (const Client& client : clients) {
      SimGateway gateway(1, {backend(upstream)});
      gateway.fake("one").recorder().clear();
      const auto request = gateway.ask(ask(client, false, R"("backend":"one",)"));
      ASSERT_EQ(request->status(), 200) << request->body();
      const RecordedRequest& recorded = gateway.fake("one").recorder().requests().back();
      const bool anthropic = upstream.asked_in == Dialect::anthropic;
      const std::string path = anthropic ? "/v1/messages" : "/v1/chat/completions";
      EXPECT_TRUE(recorded.head.starts_with("POST " + path + " HTTP/1.1\r\n")) << recorded.head;
      EXPECT_EQ(recorded.head.contains("anthropic-version: 2023-06-01\r\n"), anthropic);
      const json body = json::parse(recorded.body);
      EXPECT_EQ(body["model"], "fake-model");
      EXPECT_FALSE(body.contains("backend"));
      EXPECT_EQ(body.contains("max_tokens"), anthropic || client.dialect == Dialect::anthropic);
    }
  }
}

TEST(Dialog, TheSameDialectPassesByteForByte) {
  SimGateway gateway(1, {backend(upstreams[3])});
  gateway.fake("one").recorder().clear();
  const std::string body =
      R"({"model":"fake-model", "max_tokens" : 50,"x_new":[1, 2],"messages":[{"role":"user","content":"h\u00ef"}]})";
  const auto request =
      gateway.ask(sim_post("/v1/messages?beta=true", body, "anthropic-beta: new-2026-01-01\r\n"));
  ASSERT_EQ(request->status(), 200);
  const RecordedRequest& recorded = gateway.fake("one").recorder().requests().back();
  EXPECT_EQ(recorded.body, body);
  EXPECT_TRUE(recorded.head.starts_with("POST /v1/messages?beta=true HTTP/1.1\r\n"));
  EXPECT_TRUE(recorded.head.contains("anthropic-beta: new-2026-01-01\r\n"));
}

TEST(Dialog, WhatIsLostIsAnnouncedAndRefusedOnRequest) {
  SimGateway gateway(1, {backend(upstreams[3])});
  const std::string lost = R"("logit_bias":{"1":2},"seed":7,)";
  const auto request = gateway.ask(ask(clients[0], false, lost));
  EXPECT_EQ(request->status(), 200);
  EXPECT_TRUE(request->header("x-rocket-translation").contains("dropped=logit_bias"));
  const auto streamed = gateway.ask(ask(clients[0], true, lost));
  EXPECT_TRUE(streamed->header("x-rocket-translation").contains("dropped=logit_bias"));

  for (const char* const yes : {"1", "true", "Yes"}) {
    const std::string line = std::string("x-rocket-strict: ") + yes + "\r\n";
    const auto strict = gateway.ask(ask(clients[0], false, lost, line));
    EXPECT_EQ(strict->status(), 400) << yes;
    EXPECT_TRUE(strict->body().contains("dropped=logit_bias")) << strict->body();
  }
  for (const char* const no : {"0", "false", "no", ""}) {
    const std::string line = std::string("x-rocket-strict: ") + no + "\r\n";
    EXPECT_EQ(gateway.ask(ask(clients[0], false, lost, line))->status(), 200) << no;
  }
  const auto lossless = gateway.ask(ask(clients[0], false, "", "x-rocket-strict: 1\r\n"));
  EXPECT_EQ(lossless->status(), 200);
  EXPECT_EQ(lossless->header("x-rocket-translation"), "");
}

// As OpenAI's clients called functions before there were tools, and look for a call.
TEST(Dialog, ACallIsWhereWhoHasNoToolsLooks) {
  const std::string functions =
      R"("functions":[{"name":"f"},{"name":"g"}],"function_call":{"name":"g"},)";
  SimGateway gateway(1, {backend(upstreams[3])});
  gateway.fake("one").recorder().clear();
  const auto whole = gateway.ask(ask(clients[0], false, functions, "x-rocket-strict: 1\r\n"));
  ASSERT_EQ(whole->status(), 200) << whole->body();
  EXPECT_EQ(whole->header("x-rocket-translation"), "");
  const json asked = json::parse(gateway.fake("one").recorder().requests().back().body);
  EXPECT_EQ(asked["tools"].size(), 2U);
  EXPECT_EQ(asked["tool_choice"]["name"], "g");
  const json choice = json::parse(whole->body())["choices"][0];
  EXPECT_EQ(choice["message"]["function_call"]["name"], "g");
  EXPECT_FALSE(choice["message"].contains("tool_calls"));
  EXPECT_EQ(choice["finish_reason"], "function_call");

  const auto streamed = gateway.ask(ask(clients[0], true, functions));
  EXPECT_EQ(fault_of(Dialect::chat, streamed->body()), "");
  std::string name;
  std::string arguments;
  for (const std::string& data : events_of(Dialect::chat, streamed->body())) {
    if (!data.starts_with('{')) continue;
    const json delta = json::parse(data)["choices"][0]["delta"];
    const json call = delta.value("function_call", json::object());
    name += call.value("name", "");
    arguments += call.value("arguments", "");
  }
  EXPECT_EQ(name, "g");
  const std::string at_once = choice["message"]["function_call"]["arguments"];
  EXPECT_EQ(json::parse(arguments), json::parse(at_once));
  EXPECT_TRUE(streamed->body().contains(R"("finish_reason":"function_call")"));
  // Who takes them without a word and has only tools says no call.
  SimGateway other(1, {backend(upstreams[1])});
  const auto lost = other.ask(ask(clients[0], false, functions));
  EXPECT_EQ(lost->header("x-rocket-translation"), "dropped=functions,dropped=function_call");
}

TEST(Dialog, WhatAnotherRocketBehindUsHasLostIsAnnouncedWithOurs) {
  FakeScript script;
  script.lost = "dropped=seed,emulated=n";
  SimGateway gateway(1, {backend(upstreams[3], script)});
  for (const bool stream : {false, true}) {
    const auto passed = gateway.ask(ask(clients[2], stream));
    EXPECT_EQ(passed->status(), 200) << passed->body();
    EXPECT_EQ(passed->header("x-rocket-translation"), "dropped=seed,emulated=n");
    EXPECT_EQ(passed->header("x-rocket-warning"), "the prompt may not fit");
    const auto translated = gateway.ask(ask(clients[0], stream, R"("logit_bias":{"1":2},)"));
    EXPECT_EQ(translated->header("x-rocket-translation"),
              "dropped=logit_bias,dropped=seed,emulated=n");
  }
}

TEST(Dialog, ErrorsAreToldInTheClientsDialect) {
  SimGateway gateway(1, {backend(upstreams[0])});
  const auto shape = [](Dialect dialect, json body) {
    if (is_ollama(dialect)) return body["error"].is_string();
    if (dialect == Dialect::anthropic) {
      return body["type"] == "error" && body["error"]["type"].is_string();
    }
    return body["error"]["message"].is_string() && body["error"].contains("code");
  };
  for (const Client& client : clients) {
    const std::string name(to_string(client.dialect));
    const std::pair<std::string, int> cases[] = {
        {sim_post(client.path, "{"), 400},
        {sim_post(client.path, R"({"model":"nobody-has-it",)" + std::string(client.ask) + "}"),
         404},
        {sim_post(client.path, R"({"messages":1,"input":1,"prompt":1,"max_tokens":1})"), 400},
        {sim_get(client.path), 405},
    };
    for (const auto& [bytes, status] : cases) {
      const auto request = gateway.ask(bytes);
      EXPECT_EQ(request->status(), status) << name << bytes << request->body();
      const json body = json::parse(request->body(), nullptr, false);
      ASSERT_TRUE(body.is_object()) << name;
      EXPECT_TRUE(shape(client.dialect, body)) << name << request->body();
    }
  }
  EXPECT_TRUE(shape(Dialect::ollama, json::parse(gateway.ask(sim_get("/api/nothing"))->body())));
}

// An annotation that all of the text stands behind.
json page_of(std::size_t length) {
  return {{"url", "https://example.com/page"},
          {"title", "A \"page\""},
          {"start_index", 0},
          {"end_index", length}};
}

TEST(Dialog, WhatAnAnswerIsFromIsToldAsEachClientKnowsIt) {
  FakeScript script;
  script.cites = true;
  const std::size_t length = fake_text(script).size();
  json response_page = page_of(length);
  response_page["type"] = "url_citation";
  const json chat_page{{"type", "url_citation"}, {"url_citation", page_of(length)}};
  const struct {
    const Client& client;
    json told;
    const char* at;
    const char* lost;
  } cases[] = {
      {clients[0], json::array({chat_page}), "/choices/0/message/annotations",
       "emulated=citations,dropped=citations"},
      {clients[1], json::array({response_page}), "/output/0/content/0/annotations",
       "emulated=citations,dropped=citations"},
      {clients[3], nullptr, "/message/citations", "dropped=citations"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(to_string(one.client.dialect));
    SimGateway gateway(1, {backend(upstreams[3], script)});
    const auto request = gateway.ask(ask(one.client, false));
    ASSERT_EQ(request->status(), 200) << request->body();
    const json answer = json::parse(request->body());
    const json::json_pointer at(one.at);
    EXPECT_EQ(answer.contains(at) ? answer[at] : json(), one.told) << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), one.lost);

    const auto streamed = gateway.ask(ask(one.client, true));
    EXPECT_TRUE(streamed->whole());
    EXPECT_EQ(fault_of(one.client.dialect, streamed->body()), "") << streamed->body();
    EXPECT_EQ(said(one.client.dialect, streamed->body()), fake_text(script));
    EXPECT_EQ(streamed->body().contains("https://example.com/page"), !one.told.is_null());
    EXPECT_FALSE(streamed->body().contains("ZmFrZSBpbmRleA==")) << "sealed for its provider";
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// Claude wants to see again what it has signed before it called tools, and what is redacted.
TEST(Dialog, WhatClaudeHasSealedComesBackThroughResponses) {
  FakeScript script;
  script.redact = true;
  SimGateway gateway(1, {backend(upstreams[3], script)});
  const std::string thinks =
      R"("model":"fake-model","reasoning":{"effort":"low"},"max_output_tokens":9000,)"
      R"("include":["reasoning.encrypted_content"],"store":false,)";
  for (const bool stream : {false, true}) {
    const auto request = gateway.ask(sim_post(
        "/v1/responses",
        "{" + thinks + R"("stream":)" + (stream ? "true" : "false") + R"(,"input":"hi"})"));
    ASSERT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "emulated=thinking");
    json response;
    if (stream) {
      EXPECT_EQ(fault_of(Dialect::responses, request->body()), "");
      response = json::parse(events_of(Dialect::responses, request->body()).back())["response"];
    } else {
      response = json::parse(request->body());
    }
    ASSERT_EQ(response["output"].size(), 3U) << response;
    // As Codex gives it back, without what was thought in words.
    response["output"][0].erase("content");
    const json question{{"role", "user"}, {"content", "hi"}};
    json input = json::array({question});
    for (const json& item : response["output"])
      input.push_back(item);
    input.push_back(question);
    const auto again =
        gateway.ask(sim_post("/v1/responses", "{" + thinks + R"("input":)" + input.dump() + "}"));
    ASSERT_EQ(again->status(), 200) << again->body();
    const json asked = json::parse(gateway.fake("one").recorder().requests().back().body);
    const json& said = asked["messages"][1]["content"];
    EXPECT_EQ(said[0], (json{{"type", "thinking"},
                             {"thinking", "thought0 thought1 "},
                             {"signature", "ZmFrZSBzaWduYXR1cmU="}}));
    EXPECT_EQ(said[1], (json{{"type", "redacted_thinking"}, {"data", "ZmFrZSBzZWFs"}}));
    EXPECT_EQ(asked["thinking"]["type"], "enabled");
  }
}

TEST(Dialog, WhoIsDownIsOverloadedForAnthropicsClients) {
  FakeScript script;
  script.status = 503;
  SimGateway gateway(1, {backend(upstreams[0], script)});
  const auto request = gateway.ask(ask(clients[2], false));
  EXPECT_EQ(request->status(), 529);
  EXPECT_EQ(json::parse(request->body())["error"]["type"], "overloaded_error");
}

TEST(Dialog, ARefusalOfTheUpstreamIsToldInTheClientsDialect) {
  FakeScript script;
  script.status = 422;
  SimGateway gateway(1, {backend(upstreams[3], script)});
  const auto request = gateway.ask(ask(clients[0], false));
  EXPECT_EQ(request->status(), 422);
  EXPECT_TRUE(json::parse(request->body())["error"].contains("code")) << request->body();
}

// However a stream breaks, its client can tell.
TEST(Dialog, ABrokenStreamNeverEndsAsIfItWereWhole) {
  for (const Upstream& upstream : upstreams) {
    for (const Fault fault : {Fault::reset_mid_stream, Fault::end_mid_stream, Fault::no_done,
                              Fault::error_event_mid_stream, Fault::broken_json}) {
      for (const Client& client : clients) {
        FakeScript script;
        script.fault = fault;
        script.at = 5;
        script.tokens = 12;
        SimGateway gateway(1, {backend(upstream, script)});
        const auto request = gateway.ask(ask(client, true));
        const std::string name = std::string(to_string(client.dialect)) + " over " +
                                 std::string(to_string(upstream.fake)) + ", " +
                                 std::string(to_string(fault));
        if (request->status() != 200) continue;  // nothing of it had been said
        EXPECT_FALSE(request->whole()) << name << request->body();
        EXPECT_EQ(fault_of(client.dialect, request->body()), "") << name << request->body();
        EXPECT_TRUE(request->body().contains("error")) << name << request->body();
        for (const char* end : {"[DONE]", "message_stop", "response.completed", "\"done\":true"})
          EXPECT_FALSE(request->body().contains(end)) << name << request->body();
        EXPECT_EQ(gateway.leftovers(), "") << name;
      }
    }
  }
}

TEST(Dialog, FailsOverFromOneDialectToAnother) {
  for (const bool stream : {false, true}) {
    for (const Client& client : clients) {
      FakeScript down;
      down.fault = Fault::status_500;
      SimGateway::BackendSpec first = backend(upstreams[0], down);
      SimGateway::BackendSpec second = backend(upstreams[3]);
      second.name = "two";
      SimGateway gateway(1, {first, second});
      const auto request = gateway.ask(ask(client, stream));
      ASSERT_EQ(request->status(), 200) << request->body();
      EXPECT_EQ(request->header("x-rocket-backend"), "two");
      if (stream) {
        EXPECT_EQ(fault_of(client.dialect, request->body()), "");
      }
    }
  }
}

TEST(Dialog, WhatABackendCanNotDoIsNotAskedOfIt) {
  SimGateway gateway(1, {backend(upstreams[3])});
  const auto request =
      gateway.ask(sim_post("/v1/embeddings", R"({"model":"fake-model","input":"a"})"));
  EXPECT_EQ(request->status(), 400);
  EXPECT_EQ(json::parse(request->body())["error"]["code"], "capability_missing");
}

TEST(Dialog, EmbedsForOllamasClients) {
  SimGateway gateway(1, {backend(upstreams[0])});
  const auto request =
      gateway.ask(sim_post("/api/embed", R"({"model":"fake-model","input":["a","b"]})"));
  ASSERT_EQ(request->status(), 200) << request->body();
  const json answer = json::parse(request->body());
  EXPECT_EQ(answer["embeddings"].size(), 2U);
  EXPECT_EQ(answer["embeddings"][0].size(), 8U);
}

TEST(Dialog, CountsTokensWhereItCanAndEstimatesElsewhere) {
  const std::string body =
      R"({"model":"fake-model","messages":[{"role":"user","content":"one two three four"}]})";
  SimGateway counting(1, {backend(upstreams[3])});
  const auto counted = counting.ask(sim_post("/v1/messages/count_tokens", body));
  EXPECT_EQ(counted->status(), 200);
  EXPECT_EQ(counted->header("x-rocket-translation"), "");
  EXPECT_GT(json::parse(counted->body())["input_tokens"], 0);

  SimGateway guessing(1, {backend(upstreams[0])});
  const auto guessed = guessing.ask(sim_post("/v1/messages/count_tokens", body));
  EXPECT_EQ(guessed->status(), 200);
  EXPECT_EQ(guessed->header("x-rocket-translation"), "emulated=input_tokens");
  EXPECT_GT(json::parse(guessed->body())["input_tokens"], 0);
  EXPECT_EQ(guessing.ask(sim_post("/v1/messages/count_tokens", R"({"model":"x","messages":[]})"))
                ->status(),
            400);
}

TEST(Dialog, ListsModelsAsEachClientKnowsThem) {
  SimGateway gateway(1, {backend(upstreams[0])});
  const json anthropic = json::parse(
      gateway.ask("GET /v1/models HTTP/1.1\r\nHost: g\r\nanthropic-version: 2023-06-01\r\n\r\n")
          ->body());
  EXPECT_EQ(anthropic["data"][0]["type"], "model");
  for (const char* member : {"id", "display_name", "created_at", "lifecycle"})
    EXPECT_TRUE(anthropic["data"][0][member].is_string()) << member;
  EXPECT_EQ(anthropic["first_id"], "fake-model");
  const json tags = json::parse(gateway.ask(sim_get("/api/tags"))->body());
  EXPECT_EQ(tags["models"][0]["model"], "fake-model");
  // Of which `ollama list` shows twelve digits.
  EXPECT_EQ(tags["models"][0]["digest"].get<std::string>().size(), 64U);
  const json show =
      json::parse(gateway.ask(sim_post("/api/show", R"({"model":"fake-model"})"))->body());
  EXPECT_EQ(show["capabilities"][0], "completion");
  EXPECT_EQ(gateway.ask(sim_post("/api/show", R"({"model":"none"})"))->status(), 404);
  // As Ollama's Go client sends it, and older ones.
  for (const char* body :
       {R"({"model":"fake-model","options":null,"name":""})", R"({"name":"fake-model","model":""})",
        R"({"name":"fake-model"})", R"({"model":"fake-model","name":"none"})"}) {
    EXPECT_EQ(gateway.ask(sim_post("/api/show", body))->status(), 200) << body;
  }
  EXPECT_EQ(gateway.ask(sim_post("/api/show", R"({"model":"","name":""})"))->status(), 400);
  const json loaded = json::parse(gateway.ask(sim_get("/api/ps"))->body());
  EXPECT_EQ(loaded["models"][0]["digest"], tags["models"][0]["digest"]);
  // Not in the past, which `ollama ps` calls "Stopping".
  EXPECT_GT(loaded["models"][0]["expires_at"].get<std::string>(), "2100");
  // Nor where no other time zone has a time (Python's ends with 9999).
  EXPECT_LT(loaded["models"][0]["expires_at"].get<std::string>(), "2262");
  EXPECT_EQ(gateway.ask(sim_get("/api/version"))->status(), 200);
  EXPECT_EQ(gateway.ask(sim_get("/"))->body(), "Ollama is running");
  EXPECT_EQ(gateway.ask(sim_get("/nothing"))->status(), 404);
}

// Anthropic's own word for it from the first silence on, else a comment; never in NDJSON.
TEST(Dialog, SignsOfLifeAreLegalInEachDialect) {
  for (const Upstream& upstream : {upstreams[0], upstreams[3]}) {
    for (const Client& client : clients) {
      FakeScript script;
      script.head_delay = 3s;
      script.event_delay = 3s;
      Config config;
      config.heartbeat = 1s;
      config.hedge.on = false;
      config.health.timeout = 10s;  // probes are as slow
      SimGateway gateway(1, {backend(upstream, script)}, config);
      const auto request = gateway.ask(ask(client, true));
      EXPECT_TRUE(request->whole());
      EXPECT_EQ(fault_of(client.dialect, request->body()), "");
      EXPECT_EQ(said(client.dialect, request->body()), fake_text(script));
      const bool pings = client.dialect == Dialect::anthropic;
      EXPECT_EQ(request->body().starts_with("event: ping"), pings) << request->body();
      EXPECT_EQ(request->body().starts_with(": keep-alive\n\n"),
                !pings && !is_ollama(client.dialect));
      EXPECT_FALSE(pings && request->body().contains(": keep-alive")) << request->body();
    }
  }
}

TEST(Dialog, ATotalFailureBehindASignOfLifeIsToldInTheStream) {
  for (const Client& client : clients) {
    if (is_ollama(client.dialect)) continue;
    FakeScript script;
    script.fault = Fault::hang_before_head;
    Config config;
    config.heartbeat = 1s;
    config.timeouts.first_token = 3s;
    config.hedge.on = false;
    SimGateway gateway(1, {backend(upstreams[0], script)}, config);
    const auto request = gateway.ask(ask(client, true));
    EXPECT_EQ(request->status(), 200);
    EXPECT_FALSE(request->whole());
    EXPECT_TRUE(request->body().contains("\"error\"")) << request->body();
  }
}

}  // namespace
}  // namespace rocket
