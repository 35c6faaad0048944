#include "proxy/exchange.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"

namespace rocket {
namespace {

using nlohmann::json;

SimGateway::BackendSpec backend(const std::string& name, FakeScript script = {}) {
  return {.name = name, .endpoints = {std::move(script)}, .default_model = "fake-model"};
}

FakeScript faulty(Fault fault) {
  FakeScript script;
  script.fault = fault;
  script.tokens = 6;
  script.drip_delay = 1s;
  script.event_delay = 10ms;
  script.at = 3;
  return script;
}

Config quick() {
  Config config;
  config.timeouts.first_token = 2s;
  config.timeouts.idle = 2s;
  config.timeouts.total = 30s;
  return config;
}

TEST(Exchange, AnswersUnstreamed) {
  SimGateway gateway(1, {backend("one")});
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->status(), 200);
  EXPECT_TRUE(request->whole());
  const json answer = json::parse(request->body());
  EXPECT_EQ(answer["_backend"], "one");
  EXPECT_EQ(answer["choices"][0]["message"]["content"], fake_text(gateway.fake("one").script()));
  EXPECT_EQ(request->header("x-rocket-backend"), "one");
  EXPECT_EQ(request->header("x-rocket-endpoint"), "one/0");
  EXPECT_EQ(request->header("x-rocket-attempts"), "1");
  EXPECT_EQ(gateway.leftovers(), "");
}

// Who is asked for company shortly before the other one answers has no time to.
TEST(Exchange, CompanyThatIsCalledOffBeforeItIsLateHasNotFailed) {
  FakeScript script;
  script.head_delay = 80ms;
  SimGateway gateway(1, {backend("one", script), backend("two", script)});
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(gateway.ask(sim_chat(false))->status(), 200);
  gateway.fake("one").script().head_delay = 1050ms;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(gateway.ask(sim_chat(false))->header("x-rocket-backend"), "one");
  EXPECT_EQ(gateway.fake("two").counters().requests, 3U);
  EXPECT_EQ(gateway.endpoint("two").breaker.outcomes().bad, 0U);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Exchange, StreamsWhole) {
  SimGateway gateway(1, {backend("one")});
  const auto request = gateway.ask(sim_chat(true));
  EXPECT_EQ(request->status(), 200);
  EXPECT_TRUE(request->whole());
  EXPECT_TRUE(request->has_done());
  EXPECT_EQ(request->text(), fake_text(gateway.fake("one").script()));
  // Asked of the upstream for our own count, but the client did not ask.
  EXPECT_FALSE(request->body().contains("\"usage\":{"));
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Exchange, StreamsWholeHoweverTheBytesArriveInPieces) {
  for (const Fault framing : {Fault::none, Fault::split_every_byte}) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      FakeScript script;
      script.tokens = 40;
      script.fault = framing;
      SimGateway gateway(seed, {backend("one", script)});
      gateway.link("one").split_reads = true;
      const auto request = gateway.ask(sim_chat(true));
      ASSERT_TRUE(request->whole() && request->has_done()) << seed;
      ASSERT_EQ(request->text(), fake_text(script)) << seed;
      ASSERT_FALSE(request->body().contains("\"usage\":{")) << seed;
    }
  }
}

TEST(Exchange, GivesUsageToWhoAsks) {
  SimGateway gateway(1, {backend("one")});
  const auto request = gateway.ask(sim_chat(true, R"("stream_options":{"include_usage":true},)"));
  EXPECT_TRUE(request->body().contains("\"usage\":{"));
  EXPECT_TRUE(request->has_done());
}

TEST(Exchange, TakesBackendAndModelOutOfTheWay) {
  Config config;
  config.models["fast"] = {.candidates = {{.backend = "two", .model = "fake-model", .weight = 0}},
                           .substitute = false,
                           .in_flight = {}};
  SimGateway gateway(1, {backend("one"), backend("two")}, config);
  const auto request = gateway.ask(sim_chat(false, R"("model":"fast","backend":"two",)"));
  EXPECT_EQ(request->status(), 200);
  EXPECT_EQ(request->header("x-rocket-backend"), "two");
  const auto& requests = gateway.fake("two").recorder().requests();
  const auto chat = std::ranges::find_if(
      requests, [](const RecordedRequest& one) { return one.head.starts_with("POST"); });
  ASSERT_NE(chat, requests.end());
  const json body = json::parse(chat->body);
  EXPECT_EQ(body["model"], "fake-model");
  EXPECT_FALSE(body.contains("backend"));
}

TEST(Exchange, KeepsTheUpstreamConnection) {
  SimGateway gateway(1, {backend("one")});
  for (int i = 0; i < 3; ++i) {
    const auto request = gateway.ask(sim_chat(i % 2 == 0));
    ASSERT_TRUE(request->whole());
  }
  // One for probes and requests alike.
  EXPECT_EQ(gateway.fake("one").counters().connections, 1U);
}

// What each fault of an upstream comes to, alone and with a healthy sibling.
struct FaultCase {
  Fault fault;
  int unstreamed_alone;  // the status when there is nobody else
  bool streamed_ok;      // the fault does not concern streams, or is none
  bool after_commit;     // strikes when the client has part of the answer already
};

class FaultTest : public testing::TestWithParam<FaultCase> {};

TEST_P(FaultTest, AloneIsAVisibleError) {
  SimGateway gateway(7, {backend("bad", faulty(GetParam().fault))}, quick());
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_TRUE(request->ended());
  ASSERT_EQ(request->status(), GetParam().unstreamed_alone) << request->body();
  if (GetParam().unstreamed_alone != 200) {
    ASSERT_TRUE(request->whole());
    const json answer = json::parse(request->body());
    EXPECT_TRUE(answer["error"]["message"].is_string());
    EXPECT_TRUE(answer["error"]["code"].is_string());
    EXPECT_EQ(answer["error"]["request_id"], request->header("x-request-id"));
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST_P(FaultTest, AHealthySiblingHidesIt) {
  SimGateway gateway(7, {backend("bad", faulty(GetParam().fault)), backend("good")}, quick());
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->status(), 200) << request->body();
  const bool harmless = GetParam().unstreamed_alone == 200;
  EXPECT_EQ(request->header("x-rocket-backend"), harmless ? "bad" : "good");
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST_P(FaultTest, AStreamIsWholeOrVisiblyBroken) {
  SimGateway gateway(7, {backend("bad", faulty(GetParam().fault))}, quick());
  const auto request = gateway.ask(sim_chat(true));
  EXPECT_TRUE(request->ended());
  if (GetParam().streamed_ok) {
    EXPECT_TRUE(request->whole());
    EXPECT_TRUE(request->has_done());
    EXPECT_FALSE(request->has_error());
  } else {
    EXPECT_FALSE(request->has_done());
    EXPECT_TRUE(request->has_error()) << request->body();
    // In the stream the error comes with a cut; before it as a whole answer of its own.
    EXPECT_EQ(request->whole(), request->status() != 200);
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST_P(FaultTest, BeforeTheCommitAStreamFailsOver) {
  SimGateway gateway(7, {backend("bad", faulty(GetParam().fault)), backend("good")}, quick());
  const auto request = gateway.ask(sim_chat(true));
  if (GetParam().after_commit) {
    EXPECT_FALSE(request->has_done());
    EXPECT_FALSE(request->whole());
    EXPECT_TRUE(request->has_error());
  } else {
    EXPECT_TRUE(request->whole());
    EXPECT_TRUE(request->has_done());
    EXPECT_FALSE(request->has_error());
    EXPECT_EQ(request->header("x-rocket-backend"), GetParam().streamed_ok ? "bad" : "good");
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

INSTANTIATE_TEST_SUITE_P(Table1e, FaultTest,
                         testing::Values(FaultCase{Fault::hang_before_head, 504, false, false},
                                         FaultCase{Fault::drip_head, 504, false, false},
                                         FaultCase{Fault::reset_before_head, 502, false, false},
                                         FaultCase{Fault::end_before_head, 502, false, false},
                                         FaultCase{Fault::hang_mid_stream, 504, false, true},
                                         FaultCase{Fault::reset_mid_stream, 502, false, true},
                                         FaultCase{Fault::end_mid_stream, 502, false, true},
                                         FaultCase{Fault::garbage, 502, false, false},
                                         FaultCase{Fault::http09, 502, false, false},
                                         FaultCase{Fault::head_64k, 502, false, false},
                                         FaultCase{Fault::endless_head, 502, false, false},
                                         FaultCase{Fault::status_999, 502, false, false},
                                         FaultCase{Fault::nul_in_header, 502, false, false},
                                         FaultCase{Fault::bare_lf, 502, false, false},
                                         FaultCase{Fault::two_lengths, 502, false, false},
                                         FaultCase{Fault::length_and_chunked, 502, false, false},
                                         FaultCase{Fault::length_too_long, 502, true, false},
                                         FaultCase{Fault::length_too_short, 502, false, false},
                                         FaultCase{Fault::bad_chunk_size, 502, false, true},
                                         FaultCase{Fault::overflowing_chunk_size, 502, false, true},
                                         FaultCase{Fault::continue_flood, 502, false, false},
                                         FaultCase{Fault::early_hints, 200, true, false},
                                         FaultCase{Fault::status_429, 429, false, false},
                                         FaultCase{Fault::status_500, 502, false, false},
                                         FaultCase{Fault::status_503, 503, false, false},
                                         FaultCase{Fault::status_529, 503, false, false},
                                         FaultCase{Fault::gzip_body, 502, false, false},
                                         FaultCase{Fault::error_body_200, 502, false, false},
                                         FaultCase{Fault::close_unannounced, 200, true, false}),
                         [](const auto& one) { return std::string(to_string(one.param.fault)); });

TEST(Exchange, ARefusedConnectionCostsNoTime) {
  SimGateway gateway(3, {backend("dead"), backend("good")});
  gateway.refuse("dead");
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->header("x-rocket-backend"), "good");
  EXPECT_EQ(request->header("x-rocket-attempts"), "2");
  EXPECT_LT(request->ended_at() - request->sent_at(), 50ms);
}

TEST(Exchange, AnotherModelOfTheSameBackendIsAnotherCandidate) {
  FakeScript script;
  script.models = {"big", "small"};
  Config config;
  config.models["any"] = {.candidates = {{.backend = "one", .model = "big", .weight = 0},
                                         {.backend = "one", .model = "small", .weight = 0}},
                          .substitute = false,
                          .in_flight = {}};
  SimGateway gateway(3, {{.name = "one", .endpoints = {script}, .default_model = ""}}, config);
  gateway.fake("one").script().fault = Fault::status_500;
  EXPECT_EQ(gateway.ask(sim_chat(false, R"("model":"any",)"))->header("x-rocket-attempts"), "2");
  EXPECT_EQ(gateway.fake("one").counters().requests, 2U);
}

TEST(Exchange, ABlackHoleCostsTheConnectTimeout) {
  SimGateway gateway(3, {backend("dead"), backend("good")});
  gateway.link("dead").connect = SimLink::Connect::black_hole;
  gateway.net.reset_all("dead", 8000);
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->header("x-rocket-backend"), "good");
  EXPECT_LT(request->ended_at() - request->sent_at(), 2100ms);
}

TEST(Exchange, ABackendThatLoadsIsNotAsked) {
  SimGateway gateway(3, {backend("sick"), backend("good")});
  gateway.fake("sick").script().healthy = false;
  gateway.loop.run_for(10s);
  EXPECT_EQ(gateway.endpoint("sick").verdict.load(), Verdict::cold) << "it says that it loads";
  const auto request = gateway.ask(sim_chat(false, R"("backend":"sick",)"));
  EXPECT_EQ(request->header("x-rocket-backend"), "good");
  EXPECT_EQ(request->header("x-rocket-attempts"), "1");
}

TEST(Exchange, NobodyLeftIs503AtOnce) {
  SimGateway gateway(3, {backend("one")});
  gateway.refuse("one");
  gateway.loop.run_for(10s);
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->status(), 503);
  EXPECT_NE(request->header("retry-after"), "");
  EXPECT_LT(request->ended_at() - request->sent_at(), 100ms);
}

TEST(Exchange, AStaleConnectionIsReplacedOnce) {
  FakeScript script;
  script.keep_alive = 1s;  // shorter than the pool believes
  SimGateway gateway(3, {backend("one", script)});
  ASSERT_TRUE(gateway.ask(sim_chat(false))->whole());
  // Both find the connection closing under their feet.
  gateway.loop.run_for(999ms);
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Exchange, AClientThatHangsUpClosesTheUpstreamInEveryPhase) {
  for (const bool stream : {false, true}) {
    for (int ms = 0; ms < 120; ms += 3) {
      FakeScript script;
      script.head_delay = 30ms;
      script.event_delay = 10ms;
      script.at = 3;
      SimGateway gateway(5, {backend("one", script)});
      auto request = gateway.send(sim_chat(stream));
      gateway.loop.run_for(std::chrono::milliseconds(ms));
      request->abort();
      gateway.loop.run_for(100ms);
      EXPECT_EQ(gateway.fake("one").counters().in_flight, 0U) << "after " << ms << " ms";
      EXPECT_EQ(gateway.leftovers(), "") << "after " << ms << " ms";
    }
  }
}

TEST(Exchange, HeartbeatsFillASilence) {
  FakeScript script;
  script.event_delay = 20s;
  script.tokens = 3;
  SimGateway gateway(5, {backend("one", script)});
  const auto request = gateway.ask(sim_chat(true));
  EXPECT_TRUE(request->whole());
  EXPECT_TRUE(request->has_done());
  EXPECT_TRUE(request->body().contains(": keep-alive\n\n"));
  EXPECT_EQ(request->text(), fake_text(gateway.fake("one").script()));
}

TEST(Exchange, AfterAHeartbeatAFailureIsAnErrorEvent) {
  FakeScript script = faulty(Fault::hang_before_head);
  SimGateway gateway(5, {backend("one", script)});
  const auto request = gateway.ask(sim_chat(true));
  EXPECT_EQ(request->status(), 200);
  EXPECT_FALSE(request->whole());
  EXPECT_TRUE(request->has_error());
  EXPECT_FALSE(request->has_done());
  EXPECT_TRUE(request->body().contains("first_token_timeout"));
}

TEST(Exchange, BadInputIsAClearError) {
  struct Case {
    std::string body;
    int status;
    std::string code;
    std::string words;
  };
  const std::vector<Case> cases{
      {R"({"messages": [}])", 400, "invalid_json", "line 1, column 15"},
      {R"({})", 400, "invalid_field", "`messages` is missing"},
      {R"({"messages":"hi"})", 400, "invalid_field", "`messages` must be a list"},
      {R"({"messages":[]})", 400, "invalid_field", "`messages` is empty"},
      {R"({"messages":[1]})", 400, "invalid_field", "`messages[0]`"},
      {R"({"model":3,"messages":[{}]})", 400, "invalid_field", "`model` must be a string"},
      {R"({"stream":"yes","messages":[{}]})", 400, "invalid_field", "`stream`"},
      {R"({"model":"a","model":"b","messages":[{}]})", 400, "invalid_field", "twice"},
      {R"({"backend":"nope","messages":[{}]})", 400, "unknown_backend", "known: one"},
      {R"({"model":"nope","messages":[{}]})", 404, "model_not_found", "/v1/models"},
      {"", 400, "invalid_json", "empty"},
  };
  SimGateway gateway(5, {backend("one")});
  for (const Case& one : cases) {
    const auto request = gateway.ask(sim_post("/v1/chat/completions", one.body));
    EXPECT_EQ(request->status(), one.status) << one.body;
    ASSERT_TRUE(request->whole()) << one.body;
    const json answer = json::parse(request->body());
    EXPECT_EQ(answer["error"]["code"], one.code) << one.body;
    EXPECT_TRUE(answer["error"]["message"].get<std::string>().contains(one.words))
        << request->body();
  }
  EXPECT_EQ(gateway.fake("one").counters().requests, 0U);
}

}  // namespace
}  // namespace rocket
