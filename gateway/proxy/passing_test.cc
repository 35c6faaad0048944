#include <gtest/gtest.h>

#include "proxy/interpreter.h"
#include "schema/dialect_error.h"
#include "testing/dialect_clients.h"

// When a client's own bytes pass, and what it costs when they do not.
namespace rocket {
namespace {

// What another model has thought comes back from the client, and nobody has signed it.
TEST(Passing, UnsignedThinkingIsNotSaidAgainToWhoSigns) {
  SimGateway gateway(1, {backend(upstreams[3])});
  gateway.fake("one").recorder().clear();
  const std::string body =
      R"({"model":"fake-model","max_tokens":50,"x_new":1,"messages":[{"role":"user","content":"h"},)"
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":""},)"
      R"({"type":"text","text":"yes"}]},{"role":"user","content":"more"}]})";
  for (const bool stream : {false, true}) {
    const std::string streamed = stream ? R"({"stream":true,)" + body.substr(1) : body;
    const auto request =
        gateway.ask(sim_post("/v1/messages?beta=true", streamed, "anthropic-beta: b\r\n"));
    ASSERT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "dropped=thinking");
    const RecordedRequest& recorded = gateway.fake("one").recorder().requests().back();
    EXPECT_FALSE(recorded.body.contains("Hm")) << recorded.body;
    EXPECT_TRUE(recorded.body.contains(R"("x_new":1)")) << recorded.body;
    EXPECT_TRUE(recorded.head.starts_with("POST /v1/messages?beta=true HTTP/1.1\r\n"));
    EXPECT_TRUE(recorded.head.contains("anthropic-beta: b\r\n"));
    if (stream) {
      EXPECT_EQ(fault_of(Dialect::anthropic, request->body()), "");
    }
  }
}

// Nor does Anthropic know a page that it has not found.
TEST(Passing, APageWithoutASealIsNotSaidAgainToWhoSeals) {
  SimGateway gateway(1, {backend(upstreams[3])});
  const auto page = [](const char* url, const char* seal) {
    return R"({"type":"web_search_result_location","cited_text":"","url":")" + std::string(url) +
           R"(","title":"A","encrypted_index":")" + seal + "\"}";
  };
  const auto request = gateway.ask(sim_post(
      "/v1/messages", R"({"model":"fake-model","max_tokens":50,"messages":[)"
                      R"({"role":"user","content":"h"},{"role":"assistant","content":[)"
                      R"({"type":"text","text":"yes","citations":[)" +
                          page("https://other", "") + "," + page("https://own", "c2VhbA==") +
                          R"(]}]},{"role":"user","content":"more"}]})"));
  ASSERT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(request->header("x-rocket-translation"), "dropped=citations");
  const RecordedRequest& recorded = gateway.fake("one").recorder().requests().back();
  EXPECT_FALSE(recorded.body.contains("https://other")) << recorded.body;
  EXPECT_TRUE(recorded.body.contains(page("https://own", "c2VhbA=="))) << recorded.body;
}

TEST(Passing, AskingForNothingIsForWhoLoads) {
  SimGateway::BackendSpec loads = backend(upstreams[0]);
  loads.name = "two";
  loads.kind = BackendKind::ollama;
  loads.endpoints.front().kind = FakeKind::ollama;
  SimGateway gateway(1, {backend(upstreams[1]), loads});
  const auto request = gateway.ask(sim_post("/api/chat", R"({"model":"fake-model"})"));
  EXPECT_EQ(request->header("x-rocket-backend"), "two") << request->body();
  const RecordedRequest& recorded = gateway.fake("two").recorder().requests().back();
  EXPECT_TRUE(recorded.head.starts_with("POST /api/chat HTTP/1.1\r\n")) << recorded.head;
}

// It is said to have an API of its own that its kind does not tell of.
TEST(Passing, WhatABackendAnswersItselfPasses) {
  SimGateway::BackendSpec spec = backend(upstreams[3]);
  spec.kind = BackendKind::openai;
  spec.native = {NativeApi::messages, NativeApi::count_tokens};
  SimGateway gateway(1, {spec});
  const std::string body =
      R"({"model":"fake-model","max_tokens": 5,"x_new":1,"messages":[{"role":"user","content":"h"}]})";
  for (const std::string path : {"/v1/messages", "/v1/messages/count_tokens"}) {
    gateway.fake("one").recorder().clear();
    const auto request = gateway.ask(sim_post(path, body));
    EXPECT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "");
    const RecordedRequest& recorded = gateway.fake("one").recorder().requests().back();
    EXPECT_EQ(recorded.body, body);
    EXPECT_TRUE(recorded.head.starts_with("POST " + path + " HTTP/1.1\r\n")) << recorded.head;
  }
}

// Servers have errors of one shape for all that they answer.
TEST(Passing, AForeignErrorOfANativeApiIsToldInTheClientsDialect) {
  SimGateway::BackendSpec spec = backend(upstreams[1]);
  spec.native = {NativeApi::messages};
  SimGateway gateway(1, {spec});
  const auto request = gateway.ask(ask(clients[2], false));
  EXPECT_EQ(request->status(), 404);
  EXPECT_TRUE(is_error_body(Dialect::anthropic, request->body())) << request->body();
}

FakeScript thinking_unseen() {
  FakeScript script;
  script.tokens = 2;
  script.thinks_unseen = 8;
  return script;
}

Config with_short_timeouts() {
  Config config;
  config.timeouts.first_token = std::chrono::seconds(3);
  config.timeouts.idle = std::chrono::seconds(1);
  return config;
}

// A provider that has opened a block of thinking, shows nothing of it and says that it is at it.
TEST(Passing, WhoThinksUnseenForLongerThanAFirstTokenMayTakeIsHeardOut) {
  FakeScript script = thinking_unseen();
  script.event_delay = std::chrono::milliseconds(500);
  SimGateway gateway(1, {backend(upstreams[3], script)}, with_short_timeouts());
  for (const Client& client : clients) {
    const auto request = gateway.ask(ask(client, true));
    EXPECT_EQ(request->status(), 200) << client.path << request->body();
    EXPECT_EQ(fault_of(client.dialect, request->body()), "") << client.path;
    EXPECT_EQ(said(client.dialect, request->body()), "word0 word1 ") << client.path;
    EXPECT_EQ(request->header("x-rocket-attempts"), "1") << client.path;
    EXPECT_GE(request->ended_at() - request->sent_at(), std::chrono::seconds(6)) << client.path;
    if (client.dialect != Dialect::anthropic) continue;
    EXPECT_LE(request->first_byte_at() - request->sent_at(), std::chrono::seconds(3));
    size_t pings = 0;
    for (const std::string& event : events_of(client.dialect, request->body()))
      pings += event.contains("\"ping\"") ? 1U : 0U;
    EXPECT_EQ(pings, 9U);
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

// Before it has said so another is asked unseen; then the time between two events counts.
TEST(Passing, WhoBeginsToThinkAndFallsSilentIsLeft) {
  for (const std::uint64_t at : {3U, 4U}) {
    FakeScript script = thinking_unseen();
    script.fault = Fault::hang_mid_stream;
    script.at = at;
    SimGateway::BackendSpec other = backend(upstreams[3]);
    other.name = "two";
    SimGateway gateway(1, {backend(upstreams[3], script), other}, with_short_timeouts());
    const auto request = gateway.ask(ask(clients[2], true));
    EXPECT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-backend"), at == 3 ? "two" : "one");
    EXPECT_EQ(request->whole(), at == 3) << request->body();
    EXPECT_EQ(request->body().contains("event: error"), at != 3) << request->body();
    EXPECT_LE(request->ended_at() - request->sent_at(), std::chrono::seconds(4));
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// Whatever the budget has room for, the client gets all of the answer or hears that it does not.
TEST(Passing, WhatATranslationWritesAndKeepsIsPaidFor) {
  FakeScript script;
  script.answer_bytes = 120'000;
  script.tokens = 40;
  SimGateway gateway(1, {backend(upstreams[0], script)});
  std::string turns;
  for (int i = 0; i < 500; ++i)
    turns += R"({"role":"user","content":"x"},)";
  turns += R"({"role":"user","content":"x"}])";
  for (const bool stream : {false, true}) {
    const std::string body =
        R"({"model":"fake-model","stream":)" + std::string(stream ? "true" : "false");
    // Passes, translated, translated and kept.
    const std::string cases[] = {
        sim_post("/v1/chat/completions", body + R"(,"messages":[)" + turns + "}"),
        sim_post("/v1/messages", body + R"(,"max_tokens":9,"messages":[)" + turns + "}"),
        sim_post("/v1/responses", body + R"(,"input":[)" + turns + "}"),
    };
    std::vector<std::uint64_t> least;
    for (const std::string& request_bytes : cases) {
      std::uint64_t budget = 20'000;
      for (bool whole = false; !whole; budget += budget / 4) {
        ASSERT_LT(budget, 10'000'000U);
        gateway.bodies.set_most(budget);
        const auto request = gateway.ask(request_bytes);
        whole = request->whole() && request->status() == 200;
        if (!whole && request->status() != 200) {
          EXPECT_TRUE(request->status() == 413 || request->status() == 503 ||
                      request->status() == 529)
              << request->status();
        }
        EXPECT_EQ(gateway.bodies.held(), 0U);
      }
      least.push_back(budget);
    }
    EXPECT_GT(least[1], least[0] + 100'000) << "the turns, as they were read";
    if (stream) {
      EXPECT_GT(least[2], 120'000U) << "the last event repeats the answer";
    }
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Passing, HalfOfACharacterPasses) {
  const std::string head =
      R"(data: {"type":"message_start","message":{"id":"x","model":"m"}})"
      "\n\n"
      R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
      "\n\n";
  const auto saying = [](const std::string& text) {
    return R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
           text + "\"}}\n\n";
  };
  const std::string stream = head + saying("\\ud83d") + saying("\\ude00") + saying("x");
  const auto interpreter = make_passing_interpreter(Dialect::anthropic, 1U << 20U);
  std::string buffer = stream;
  const std::string_view body = buffer;
  const auto heard = interpreter->hear({{&body, 1}, buffer});
  ASSERT_TRUE(heard) << heard.error().detail;
  EXPECT_EQ(interpreter->out()[0], stream);
  EXPECT_TRUE(interpreter->content_seen());
}

}  // namespace
}  // namespace rocket
