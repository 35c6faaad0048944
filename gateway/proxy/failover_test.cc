#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/steady_load.h"

// What becomes of requests when endpoints fail, fall silent, or ask to be left alone, as clients
// and upstreams see it.
namespace rocket {
namespace {

using nlohmann::json;

// Before anything is known of its pace, an endpoint that hangs is left when a first token would
// be overdue.
TEST(Failover, ASilentEndpointIsLeftWithoutHavingLearnt) {
  Config config;
  config.timeouts.first_token = 3s;
  SimGateway gateway(1, pair(false), config);
  hang(gateway);
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(request->header("x-rocket-backend"), "b");
  EXPECT_EQ(request->header("x-rocket-attempts"), "2");
  EXPECT_LE(request->ended_at() - request->sent_at(), 3200ms);
  // The loser was called off at once.
  EXPECT_EQ(gateway.fake("a").counters().in_flight, 0U);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Failover, TheFirstAnswerWinsWhoeverGivesIt) {
  Config config;
  config.timeouts.first_token = 1s;
  SimGateway gateway(1, pair(false), config);
  // Slow, but faster than the other one, which is asked after a second.
  gateway.fake("a").script() = answering_in(1500ms);
  gateway.fake("b").script() = answering_in(5s);
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->header("x-rocket-backend"), "a");
  EXPECT_EQ(gateway.fake("b").counters().requests, 1U);
  gateway.loop.run_for(100ms);
  EXPECT_EQ(gateway.fake("b").counters().in_flight, 0U);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Failover, WithoutHedgingASilentEndpointIsWaitedFor) {
  Config config;
  config.timeouts.first_token = 1s;
  config.timeouts.total = 5s;
  config.hedge.on = false;
  SimGateway gateway(1, pair(false), config);
  hang(gateway);
  EXPECT_EQ(gateway.ask(sim_chat(false))->status(), 504);
  EXPECT_EQ(gateway.fake("b").counters().requests, 0U);
}

// However many fall silent: as long as one answers, it is found.
TEST(Failover, ManySilentEndpointsAreLeftOneAfterTheOther) {
  Config config;
  config.timeouts.first_token = 1s;
  config.retry.attempts = 10;
  config.retry.budget_min = 100;
  FakeScript silent;
  silent.fault = Fault::hang_before_head;
  SimGateway gateway(
      1, {backend("a", {silent, silent, silent, silent}), backend("b", {answering_in(10ms)})},
      config);
  for (const bool stream : {false, true}) {
    const auto request = gateway.ask(sim_chat(stream));
    EXPECT_EQ(request->header("x-rocket-backend"), "b") << request->body();
    EXPECT_LE(request->ended_at() - request->sent_at(), 6s);
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

// An answer that has begun and goes no further is no better than none.
TEST(Failover, AnswersThatStallAreLeftOneAfterTheOther) {
  Config config;
  config.timeouts.first_token = 1s;
  config.retry.attempts = 10;
  config.retry.budget_min = 100;
  FakeScript stalling;
  stalling.fault = Fault::hang_mid_stream;
  stalling.at = 1;
  SimGateway gateway(
      1,
      {backend("a", {stalling, stalling, stalling, stalling}), backend("b", {answering_in(10ms)})},
      config);
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->header("x-rocket-backend"), "b") << request->body();
  EXPECT_LE(request->ended_at() - request->sent_at(), 6s);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Failover, AnEndpointWhoseAnswersStallIsLeft) {
  Config config;
  config.timeouts.first_token = 1s;
  FakeScript stalling;
  stalling.fault = Fault::hang_mid_stream;
  stalling.at = 1;
  SimGateway gateway(1, {backend("a", {stalling}), backend("b", {answering_in(10ms)})}, config);
  for (std::uint32_t i = 0; i < config.breaker.consecutive; ++i) {
    const auto request = gateway.ask(sim_chat(false));
    EXPECT_EQ(request->status(), 200) << request->body();
    EXPECT_GE(request->ended_at() - request->sent_at(), 900ms);
  }
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_LE(request->ended_at() - request->sent_at(), 100ms);
}

// Whoever would have to load the model first is asked once loading could have been over by now:
// until then the answer that drips may be there sooner.
TEST(Failover, AnAnswerThatDripsIsWaitedForAsLongAsLoadingMayTake) {
  Config config;
  config.timeouts.first_token = 2s;
  config.timeouts.load = 20s;
  config.timeouts.total = 60s;
  FakeScript dripping;
  dripping.kind = FakeKind::ollama;
  dripping.loaded = dripping.models;
  dripping.fault = Fault::drip_body;
  dripping.drip_delay = 1s;
  FakeScript loading;
  loading.kind = FakeKind::ollama;
  loading.load_time = 5s;
  SimGateway gateway(
      1, {{"a", {dripping}, "", BackendKind::ollama}, {"b", {loading}, "", BackendKind::ollama}},
      config);
  const auto request = gateway.send(sim_chat(false));
  gateway.loop.run_for(19s);
  EXPECT_EQ(gateway.fake("b").counters().requests, 0U);
  gateway.loop.run_for(10s);
  ASSERT_TRUE(request->ended());
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(request->header("x-rocket-backend"), "b");
  EXPECT_EQ(gateway.fake("a").counters().in_flight, 0U);
  EXPECT_EQ(gateway.leftovers(), "");
}

// A failed companion of a late attempt is replaced by the next candidate.
TEST(Failover, AHedgeThatFailsIsReplaced) {
  Config config;
  config.timeouts.first_token = 1s;
  const FakeScript script = answering_in(10ms);
  SimGateway gateway(1, {backend("a", {script}), backend("b", {script}), backend("c", {script})},
                     config);
  hang(gateway);
  gateway.fake("b").script().fault = Fault::status_500;
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->header("x-rocket-backend"), "c") << request->body();
  EXPECT_LE(request->ended_at() - request->sent_at(), 1200ms);
}

TEST(Failover, ClientsThatHangUpOpenNoBreaker) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(1, {backend("a", {answering_in(300ms)})});
    for (int i = 0; i < 50; ++i) {
      auto request = gateway.send(sim_chat(stream));
      gateway.loop.run_for(std::chrono::milliseconds(i * 5));
      request->abort();
    }
    EXPECT_EQ(gateway.endpoint("a").breaker.standing(gateway.loop.now()).state,
              BreakerState::closed);
    EXPECT_EQ(gateway.ask(sim_chat(stream))->status(), 200);
  }
}

TEST(Failover, ARateLimitIsObeyedAndPassedOn) {
  FakeScript script;
  script.fault = Fault::status_429;
  script.retry_after = "7";
  SimGateway gateway(1, {backend("a", {script})});
  const auto first = gateway.ask(sim_chat(false));
  EXPECT_EQ(first->status(), 429);
  EXPECT_EQ(first->header("retry-after"), "7");
  // It is not asked again before its time, and clients are told how long that is.
  gateway.loop.run_for(3s);
  for (int i = 0; i < 20; ++i) {
    const auto next = gateway.ask(sim_chat(false));
    EXPECT_EQ(next->status(), 429) << next->body();
    EXPECT_EQ(next->header("retry-after"), "4");
  }
  EXPECT_EQ(gateway.fake("a").counters().requests, 1U);
  gateway.loop.run_for(4100ms);
  gateway.fake("a").script() = answering_in(1ms);
  EXPECT_EQ(gateway.ask(sim_chat(false))->status(), 200);
}

// Who says 429 and no time is not asked by every request that comes.
TEST(Failover, ARateLimitThatNamesNoTimeIsNotHammered) {
  for (const char* const retry_after : {"", "soon", "-5", "0", "Thu, 01 Jan 1970 00:00:00 GMT"}) {
    FakeScript limited;
    limited.status = 429;
    limited.retry_after = retry_after;
    SimGateway gateway(1, {backend("a", {limited}), backend("b", {answering_in(1ms)})});
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(gateway.ask(sim_chat(i % 2 == 0))->header("x-rocket-backend"), "b");
      gateway.loop.run_for(50ms);
    }
    // In more than five seconds.
    EXPECT_LE(gateway.fake("a").counters().requests, 7U) << retry_after;
    EXPECT_GE(gateway.fake("a").counters().requests, 3U) << retry_after;
    gateway.fake("a").script() = answering_in(1ms);
    gateway.loop.run_for(3s);
    EXPECT_EQ(gateway.ask(sim_chat(false))->header("x-rocket-backend"), "a") << retry_after;
  }
}

// Who says 503 and that it may be asked again at once fails like any other.
TEST(Failover, AnEndpointThatCanNeverAnswerNowIsLeft) {
  for (const char* const retry_after : {"0", "Thu, 01 Jan 1970 00:00:00 GMT"}) {
    FakeScript out_of_order;
    out_of_order.status = 503;
    out_of_order.retry_after = retry_after;
    SimGateway gateway(1, {backend("a", {out_of_order}), backend("b", {answering_in(1ms)})});
    for (int i = 0; i < 80; ++i) {
      EXPECT_EQ(gateway.ask(sim_chat(i % 2 == 0))->header("x-rocket-backend"), "b");
      gateway.loop.run_for(50ms);
    }
    EXPECT_EQ(gateway.fake("a").counters().requests, 5U) << retry_after;
  }
}

// A request that is too much for everybody takes one endpoint away from the others, not all.
TEST(Failover, ARequestThatIsRefusedEverywhereLeavesSomebodyForOthers) {
  const FakeScript script = answering_in(1ms);
  SimGateway gateway(1, {backend("a", {script, script}), backend("b", {script})});
  const std::string poison = R"("fake":{"fault":"status_429","retry_after":"30"},)";
  EXPECT_EQ(gateway.ask(sim_chat(false, poison))->status(), 429);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(gateway.ask(sim_chat(false))->status(), 200);
}

TEST(Failover, AnAbsurdRetryAfterIsCapped) {
  FakeScript script;
  script.fault = Fault::status_503;
  script.retry_after = "1000000000";
  SimGateway gateway(1, {backend("a", {script})});
  EXPECT_EQ(gateway.ask(sim_chat(false))->header("retry-after"), "60");
  gateway.fake("a").script() = answering_in(1ms);
  gateway.loop.run_for(61s);
  EXPECT_EQ(gateway.ask(sim_chat(false))->status(), 200);
}

TEST(Failover, AnotherEndpointAnswersMeanwhile) {
  FakeScript limited;
  limited.fault = Fault::status_429;
  limited.retry_after = "30";
  SimGateway gateway(1, {backend("a", {limited}), backend("b", {answering_in(1ms)})});
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(gateway.ask(sim_chat(false))->header("x-rocket-backend"), "b");
  EXPECT_EQ(gateway.fake("a").counters().requests, 1U);
}

// Its time is over and somebody tries it: what that one is told may take minutes.
TEST(Failover, ATrialThatTakesLongRefusesNobodyElse) {
  for (const char* const fault : {"status_429", "status_503"}) {
    for (const bool stream : {true, false}) {
      SimGateway gateway(1, {backend("a", {answering_in(1ms)})});
      const std::string refused = std::string(R"("fake":{"fault":")") + fault;
      EXPECT_GE(gateway.ask(sim_chat(false, refused + R"(","retry_after":"1"},)"))->status(), 429);
      gateway.loop.run_for(1s);
      const auto trial =
          gateway.send(sim_chat(stream, stream ? R"("fake":{"tokens":100,"event_delay_ms":1000},)"
                                               : R"("fake":{"head_delay_ms":100000},)"));
      gateway.loop.run_for(1100ms);
      for (int i = 0; i < 5; ++i) {
        const auto other = gateway.ask(sim_chat(i % 2 == 0));
        EXPECT_EQ(other->status(), 200) << fault << stream << other->body();
      }
      EXPECT_FALSE(trial->ended());
      gateway.finish(*trial);
      EXPECT_EQ(trial->status(), 200);
    }
  }
}

// One endpoint is back and being tried by a stream that takes minutes; the other one is full.
TEST(Failover, WhoeverIsBackIsOfUseBeforeItsTrialEnds) {
  Config config;
  config.breaker.consecutive = 1;
  config.limits.in_flight_per_endpoint = 2;
  const std::string minutes = R"("fake":{"tokens":200,"event_delay_ms":1000},)";
  SimGateway gateway(1, {backend("a", {answering_in(1ms), answering_in(1ms)})}, config);
  gateway.fake("a", 1).script().fault = Fault::status_500;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(gateway.ask(sim_chat(true))->status(), 200);
  gateway.fake("a", 1).script().fault = Fault::none;
  const auto standing = gateway.endpoint("a", 1).breaker.standing(gateway.loop.now());
  ASSERT_EQ(standing.state, BreakerState::open);
  std::vector<std::unique_ptr<SimRequest>> streams;
  for (int i = 0; i < 3; ++i) {
    streams.push_back(gateway.send(sim_chat(true, minutes)));
    gateway.loop.run_for(3s);
  }
  for (const auto& one : streams)
    EXPECT_EQ(one->status(), 200) << "two and the trial";
  EXPECT_EQ(gateway.fake("a", 1).counters().in_flight, 1U);
  const auto next = gateway.ask(sim_chat(true));
  EXPECT_EQ(next->status(), 200) << next->body();
  EXPECT_EQ(next->header("x-rocket-endpoint"), "a/1");
  EXPECT_LE(next->ended_at() - next->sent_at(), 2s);
}

// The key that a backend refuses is the gateway's: no client can mend it, and another backend may
// have a good one.
TEST(Failover, ABackendThatRefusesOurKeyIsLeftForAnother) {
  FakeScript refusing;
  refusing.status = 401;
  for (const bool stream : {false, true}) {
    SimGateway gateway(1, {backend("a", {refusing}), backend("b", {answering_in(1ms)})});
    for (int i = 0; i < 20; ++i) {
      const auto answer = gateway.ask(sim_chat(stream));
      EXPECT_EQ(answer->status(), 200) << answer->body();
      EXPECT_EQ(answer->header("x-rocket-backend"), "b");
    }
    EXPECT_LT(gateway.fake("a").counters().requests, 20U) << "it is not asked each time";
    const auto alone = gateway.ask(sim_chat(stream, R"("backend":"a",)"));
    EXPECT_EQ(alone->status(), 200) << "a hint, not an order";
  }
  SimGateway gateway(1, {backend("a", {refusing})});
  for (const bool stream : {false, true}) {
    const auto answer = gateway.ask(sim_chat(stream));
    EXPECT_EQ(answer->status(), 502);
    const json error = json::parse(answer->body())["error"];
    EXPECT_EQ(error["code"], "upstream_unauthorized");
    EXPECT_TRUE(error["message"].get<std::string>().contains("api_key_env")) << error;
  }
}

// With every endpoint failing, what the upstreams are asked stays within bounds: a fifth more
// than the clients asked, three a second, and what was needed to find out.
// Two are on trial, one is well, and nothing is left to spend: the first failover is free, and goes
// where it is sure to be answered.
TEST(Failover, WhoHasFailedOnATrialIsNotSentToAnother) {
  Config config;
  config.retry.budget = 0;
  config.retry.budget_min = 0;
  config.breaker.consecutive = 1;
  FakeScript failing;
  failing.status = 500;
  SimGateway gateway(1, {backend("a", {failing, failing, FakeScript{}})}, config);
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(gateway.ask(sim_chat(false))->ended());
  gateway.loop.run_for(6s);
  const auto request = gateway.ask(sim_chat(false));
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(request->header("x-rocket-endpoint"), "a/2");
  EXPECT_EQ(request->header("x-rocket-attempts"), "2");
}

TEST(Failover, RetriesDoNotAmplifyAnOutage) {
  for (const Fault fault : {Fault::status_500, Fault::reset_before_head, Fault::garbage}) {
    FakeScript script;
    script.fault = fault;
    SimGateway gateway(1, {backend("a", {script, script}), backend("b", {script, script})});
    Load load(gateway, false);
    load.run(30s, 10ms);
    EXPECT_EQ(load.lost(), load.size());
    std::uint64_t asked = 0;
    for (const char* name : {"a", "b"}) {
      for (size_t i = 0; i < 2; ++i)
        asked += gateway.fake(name, i).counters().requests;
    }
    constexpr std::uint64_t before_breakers_opened = 4 * 5 * 2;
    EXPECT_LE(asked, load.size() * 12 / 10 + 3 * 30 + before_breakers_opened) << to_string(fault);
    EXPECT_GE(asked, load.size()) << "each is still tried once";
  }
}

TEST(Failover, AnEndpointIsTriedAgainOnceItsTimeIsOver) {
  SimGateway gateway(1, pair(true, 1ms));
  gateway.fake("a").script().fault = Fault::status_500;
  Load load(gateway, false);
  load.run(2s, 10ms);
  EXPECT_EQ(load.lost(), 0U);
  EXPECT_EQ(gateway.endpoint("a").breaker.standing(gateway.loop.now()).state,
            BreakerState::half_open);
  gateway.fake("a").script() = answering_in(1ms);
  EXPECT_EQ(gateway.ask(sim_chat(false))->header("x-rocket-endpoint"), "a/0") << "the trial";
  EXPECT_EQ(gateway.endpoint("a").breaker.standing(gateway.loop.now()).state, BreakerState::closed);
}

}  // namespace
}  // namespace rocket
