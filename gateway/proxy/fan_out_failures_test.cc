#include "testing/told_choices.h"

// What becomes of several choices when one of them fails.
namespace rocket {
namespace {

using namespace told_choices;

// Before anything has been committed to, each is tried again by itself.
TEST(FanOut, AFailureBeforeTheCommitIsHidden) {
  for (const bool stream : {false, true}) {
    for (const Fault fault : {Fault::status_500, Fault::reset_before_head, Fault::error_event_first,
                              Fault::error_body_200, Fault::gzip_body}) {
      SimGateway gateway(3, {ollama({with_fault(fault), FakeScript{}})});
      const auto request = gateway.ask(ask(stream, R"("n":4,)"));
      const std::string name = std::string(to_string(fault)) + (stream ? ", streamed" : "");
      ASSERT_EQ(request->status(), 200) << name << request->body();
      const size_t choices = stream ? read_stream(request->body()).choices.size()
                                    : json::parse(request->body())["choices"].size();
      EXPECT_EQ(choices, 4U) << name << request->body();
      EXPECT_FALSE(request->has_error()) << name;
      EXPECT_EQ(gateway.leftovers(), "") << name;
    }
  }
}

TEST(FanOut, OneThatCanNotBeHadFailsAll) {
  for (const bool stream : {false, true}) {
    // Of the whole answers one; of streams two would have begun.
    FakeScript script = with_fault(Fault::status_500, stream ? 1 : 0.34);
    script.head_delay = 500ms;
    Config config;
    config.retry.attempts = 1;
    SimGateway gateway(1, {ollama({script})}, config);
    const auto request = gateway.ask(ask(stream, R"("n":3,)"));
    EXPECT_EQ(request->status(), 502) << request->body();
    EXPECT_TRUE(json::parse(request->body())["error"]["message"].is_string()) << request->body();
    EXPECT_EQ(request->header("x-rocket-attempts"), "3");
    gateway.loop.run_for(10ms);
    EXPECT_EQ(gateway.fake("ollama").counters().in_flight, 0U) << "the others are called off";
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

TEST(FanOut, ARefusalIsToldAsItIs) {
  FakeScript script;
  script.status = 422;
  SimGateway gateway(1, {ollama({script})});
  for (const bool stream : {false, true}) {
    const auto request = gateway.ask(ask(stream, R"("n":3,)"));
    EXPECT_EQ(request->status(), 422);
    EXPECT_TRUE(json::parse(request->body()).contains("error")) << request->body();
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

// Behind the commit there is no other way than to say so.
TEST(FanOut, AFailureBehindTheCommitCutsTheStream) {
  for (const Fault fault : {Fault::reset_mid_stream, Fault::end_mid_stream, Fault::no_done,
                            Fault::error_event_mid_stream, Fault::broken_json}) {
    for (const FakeKind kind : {FakeKind::ollama, FakeKind::anthropic}) {
      FakeScript script = with_fault(fault, 0.34);
      script.event_delay = 10ms;
      script.tokens = 12;
      script.at = 6;
      SimGateway gateway(1, {backend("one", kind, {script})});
      const auto request = gateway.ask(ask(true, R"("n":3,)"));
      const std::string name = std::string(to_string(fault)) + " " + std::string(to_string(kind));
      ASSERT_EQ(request->status(), 200) << name;
      EXPECT_FALSE(request->whole()) << name;
      const Stream stream = read_stream(request->body());
      EXPECT_EQ(stream.done, 0U) << name;
      EXPECT_EQ(stream.errors, 1U) << name << request->body();
      EXPECT_EQ(stream.usages.size(), 0U) << name;
      gateway.loop.run_for(10ms);
      EXPECT_EQ(gateway.fake("one").counters().in_flight, 0U) << name;
      EXPECT_EQ(gateway.leftovers(), "") << name;
    }
  }
}

// The others have begun when one is refused: no status can tell it any more.
TEST(FanOut, OneThatNeverBeginsCutsWhatHasBegun) {
  FakeScript script = with_fault(Fault::status_500, 0.5);
  script.tokens = 100;
  script.event_delay = 50ms;
  FakeScript late = with_fault(Fault::status_500);
  late.head_delay = 1s;
  Config config;
  config.retry.attempts = 2;
  config.hedge.on = false;
  config.health.timeout = 10s;  // probes are as slow
  SimGateway gateway(1, {ollama({script}), backend("two", FakeKind::ollama, {late})}, config);
  const auto request = gateway.ask(ask(true, R"("n":2,)"));
  ASSERT_EQ(request->status(), 200) << request->body();
  EXPECT_FALSE(request->whole());
  const Stream stream = read_stream(request->body());
  EXPECT_EQ(stream.choices.size(), 1U);
  EXPECT_EQ(stream.errors, 1U) << request->body();
  EXPECT_EQ(stream.done, 0U);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(FanOut, FailsOverFromOneThatGivesSeveral) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(1, {vllm({with_fault(Fault::status_500)}), ollama()});
    const auto request = gateway.ask(ask(stream, R"("n":3,)"));
    ASSERT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-backend"), "ollama");
    EXPECT_EQ(request->header("x-rocket-attempts"), "4");
    EXPECT_EQ(request->header("x-rocket-translation"), "emulated=n");
    const size_t choices = stream ? read_stream(request->body()).choices.size()
                                  : json::parse(request->body())["choices"].size();
    EXPECT_EQ(choices, 3U);
    EXPECT_EQ(gateway.fake("vllm").counters().requests, 1U) << "not once for each choice";
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

TEST(FanOut, FailsOverToOneThatGivesSeveral) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(1, {ollama({with_fault(Fault::status_500)}), vllm()});
    const auto request = gateway.ask(ask(stream, R"("n":3,)"));
    ASSERT_EQ(request->status(), 200) << request->body();
    const size_t choices = stream ? read_stream(request->body()).choices.size()
                                  : json::parse(request->body())["choices"].size();
    EXPECT_EQ(choices, 3U) << request->body();
    const auto bodies = bodies_at(gateway, "vllm");
    EXPECT_EQ(bodies.size(), 3U);
    for (const json& one : bodies)
      EXPECT_EQ(one["n"], 1);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// What hangs is left for those who would have to begin again only when nothing else can be hoped
// for.
TEST(FanOut, ASilentOneThatGivesSeveralIsLeft) {
  for (const bool stream : {false, true}) {
    Config config;
    config.timeouts.first_token = 1s;
    SimGateway gateway(1, {vllm({with_fault(Fault::hang_before_head)}), ollama()}, config);
    const auto request = gateway.ask(ask(stream, R"("n":3,)"));
    ASSERT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-backend"), "ollama");
    EXPECT_LE(request->ended_at() - request->sent_at(), 3s);
    gateway.loop.run_for(10ms);
    EXPECT_EQ(gateway.fake("vllm").counters().in_flight, 0U);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

TEST(FanOut, SignsOfLifeComeWhileAllAreSilent) {
  FakeScript script;
  script.head_delay = 3s;
  script.event_delay = 3s;
  Config config;
  config.heartbeat = 1s;
  config.hedge.on = false;
  config.health.timeout = 10s;  // probes are as slow
  SimGateway gateway(1, {ollama({script})}, config);
  const auto request = gateway.ask(ask(true, R"("n":2,)"));
  EXPECT_TRUE(request->whole());
  EXPECT_TRUE(request->body().starts_with(": keep-alive\n\n")) << request->body();
  EXPECT_EQ(read_stream(request->body()).choices.size(), 2U);
}

TEST(FanOut, ATotalFailureBehindASignOfLifeIsToldInTheStream) {
  Config config;
  config.heartbeat = 1s;
  config.timeouts.first_token = 3s;
  config.hedge.on = false;
  SimGateway gateway(1, {ollama({with_fault(Fault::hang_before_head)})}, config);
  const auto request = gateway.ask(ask(true, R"("n":2,)"));
  EXPECT_EQ(request->status(), 200);
  EXPECT_FALSE(request->whole());
  EXPECT_EQ(read_stream(request->body()).errors, 1U) << request->body();
}

}  // namespace
}  // namespace rocket
