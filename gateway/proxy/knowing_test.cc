#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_fleet.h"

// What the gateway learns of its endpoints from what servers tell.
namespace rocket {
namespace {

using nlohmann::json;

TEST(Knowing, LoadingIsNotDeath) {
  SimGateway gateway(1, {backend("a", BackendKind::openai, {server(FakeKind::llama_cpp)})});
  gateway.fake("a").script().healthy = false;
  // Before a probe has seen it, too.
  for (int i = 0; i < 30; ++i) {
    const auto refused = gateway.ask(asking("x"));
    EXPECT_EQ(refused->status(), 503);
    EXPECT_EQ(json::parse(refused->body())["error"]["code"], "upstream_loading");
    EXPECT_EQ(gateway.endpoint("a").verdict.load(), Verdict::cold);
    gateway.loop.run_for(1s);
  }
  EXPECT_EQ(breaker(gateway), BreakerState::closed);
  gateway.fake("a").script().healthy = true;
  gateway.loop.run_for(probe_interval);
  EXPECT_EQ(gateway.endpoint("a").verdict.load(), Verdict::healthy);
  EXPECT_EQ(gateway.ask(asking("x"))->status(), 200);
}

TEST(Knowing, WhoDrainsIsAskedNoMore) {
  SimGateway gateway(1, {backend("a", BackendKind::openai,
                                 {server(FakeKind::llama_cpp), server(FakeKind::llama_cpp)})});
  gateway.fake("a", 0).script().draining = true;
  gateway.loop.run_for(probe_interval);
  EXPECT_EQ(gateway.endpoint("a", 0).verdict.load(), Verdict::draining);
  EXPECT_EQ(shares(gateway, 2, 20), (std::vector<std::uint64_t>{0, 20}));
  // As long as it answers it is better than nobody.
  gateway.refuse("a", 1);
  gateway.loop.run_for(3 * probe_interval);
  EXPECT_EQ(gateway.ask(asking("x"))->header("x-rocket-endpoint"), "a/0");
}

TEST(Knowing, AQueueAtTheServerIsSeen) {
  const struct {
    const char* name;
    FakeKind kind;
    BackendKind as;
    void (*fill)(FakeScript&);
  } cases[] = {
      {"vLLM", FakeKind::vllm, BackendKind::vllm, [](FakeScript& script) { script.waiting = 20; }},
      {"vLLM, old names", FakeKind::vllm, BackendKind::vllm,
       [](FakeScript& script) {
         script.old_gauges = true;
         script.cache_permille = 990;
       }},
      {"llama.cpp", FakeKind::llama_cpp, BackendKind::openai,
       [](FakeScript& script) { script.running = 2; }},
  };
  for (const auto& c : cases) {
    SimGateway gateway(1, {backend("a", c.as, {server(c.kind), server(c.kind)})});
    auto even = shares(gateway, 2, 40);
    EXPECT_GT(even[0], 5U) << c.name;
    c.fill(gateway.fake("a", 0).script());
    gateway.loop.run_for(probe_interval);
    EXPECT_EQ(shares(gateway, 2, 40), (std::vector<std::uint64_t>{0, 40})) << c.name;
    // What it told once is good for a while only.
    gateway.fake("a", 0).script().tells_load = false;
    gateway.loop.run_for(10s);
    even = shares(gateway, 2, 40);
    EXPECT_GT(even[0], 5U) << c.name;
  }
}

TEST(Knowing, AMissingGaugeIsReported) {
  FakeScript silent = server(FakeKind::vllm);
  silent.tells_load = false;
  SimGateway gateway(1, {backend("a", BackendKind::vllm, {silent, server(FakeKind::vllm)}),
                         backend("b", BackendKind::openai, {silent})});
  EXPECT_EQ(gateway.endpoint("a", 0).probed.missing_gauges.size(), 3U);
  EXPECT_EQ(gateway.endpoint("a", 1).probed.missing_gauges.size(), 0U);
  EXPECT_EQ(gateway.endpoint("b", 0).probed.missing_gauges.size(), 0U) << "nobody expected any";
  EXPECT_TRUE(gateway.endpoint("a", 1).load(gateway.loop.now(), 10s).told());
}

// A server without them is not bothered at every probe, and a cloud never.
TEST(Knowing, WhatIsNotThereIsNotAskedForAgainAndAgain) {
  FakeScript silent = server(FakeKind::llama_cpp);
  silent.tells_load = false;
  SimGateway gateway(1, {backend("a", BackendKind::openai, {silent}),
                         backend("b", BackendKind::openai, {server(FakeKind::lmstudio)})});
  gateway.loop.run_for(30s);
  const auto asked = [&](const char* name, const std::string& path) {
    return std::ranges::count_if(gateway.fake(name).recorder().requests(), [&](const auto& one) {
      return one.head.starts_with("GET " + path + " ");
    });
  };
  EXPECT_GT(asked("a", "/v1/models"), 10);
  EXPECT_EQ(asked("a", "/slots"), 1);
  EXPECT_EQ(asked("a", "/metrics"), 1);
  EXPECT_EQ(asked("b", "/slots"), 0);
  EXPECT_EQ(asked("b", "/metrics"), 0);
}

TEST(Knowing, AChangedInventoryIsSeenWithinAProbe) {
  FakeScript script = server(FakeKind::ollama);
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {script})});
  EXPECT_EQ(gateway.ask(asking("new"))->status(), 404);
  gateway.fake("a").script().models.push_back("new");
  gateway.loop.run_for(probe_interval);
  EXPECT_EQ(gateway.ask(asking("new"))->status(), 200);
  gateway.fake("a").script().models = {"x"};
  gateway.loop.run_for(probe_interval);
  EXPECT_EQ(gateway.ask(asking("new"))->status(), 404);
}

// A reload brings a backend: what it has is asked for at once, and a request that nobody else can
// answer waits for that instead of being told that there is no such model.
TEST(Knowing, WhoHasNotBeenAskedYetIsWaitedFor) {
  SimGateway gateway(1, {backend("a", BackendKind::openai, {server(FakeKind::llama_cpp)}),
                         backend("b", BackendKind::vllm, {server(FakeKind::vllm, {"new"})})});
  const Config both = gateway.control.snapshot()->config;
  Config one = both;
  std::erase_if(one.backends, [](const BackendConfig& each) { return each.name == "b"; });
  one.order = {"a"};
  ASSERT_TRUE(gateway.control.apply(one));
  EXPECT_EQ(gateway.ask(asking("new"))->status(), 404);
  gateway.fake("b").script().head_delay = 400ms;
  ASSERT_TRUE(gateway.control.apply(both));
  EXPECT_EQ(gateway.ask(asking("x"))->status(), 200) << "who is known answers";
  const auto asked_about = gateway.ask(sim_get("/v1/models/new"));
  EXPECT_EQ(asked_about->status(), 503);
  EXPECT_EQ(asked_about->header("retry-after"), "1");
  const auto waits = gateway.send(asking("new"));
  const auto in_vain = gateway.send(asking("nope"));
  const auto streamed = gateway.send(asking("new", true));
  gateway.loop.run_for(300ms);
  EXPECT_FALSE(waits->ended() || in_vain->ended() || streamed->ended());
  gateway.finish(*waits);
  EXPECT_EQ(waits->status(), 200);
  EXPECT_EQ(waits->header("x-rocket-backend"), "b");
  gateway.finish(*in_vain);
  EXPECT_EQ(in_vain->status(), 404);
  gateway.finish(*streamed);
  EXPECT_TRUE(streamed->has_done());
  EXPECT_EQ(gateway.leftovers(), "");
}

// A probe that gets no answer is one as well.
TEST(Knowing, WhoDoesNotTellIsNotWaitedForLongerThanAProbe) {
  for (const bool refuses : {true, false}) {
    SimGateway gateway(1, {backend("a", BackendKind::openai, {server(FakeKind::llama_cpp)}),
                           backend("b", BackendKind::vllm, {server(FakeKind::vllm, {"new"})})});
    const Config both = gateway.control.snapshot()->config;
    Config one = both;
    std::erase_if(one.backends, [](const BackendConfig& each) { return each.name == "b"; });
    one.order = {"a"};
    ASSERT_TRUE(gateway.control.apply(one));
    if (refuses) {
      gateway.refuse("b");
    } else {
      gateway.freeze("b", 0, true);
    }
    ASSERT_TRUE(gateway.control.apply(both));
    const auto request = gateway.ask(asking("new"));
    EXPECT_EQ(request->status(), 404);
    EXPECT_LE(request->ended_at() - request->sent_at(), refuses ? 50ms : 1100ms);
    // What nobody waits for any more is told at once.
    const auto again = gateway.ask(asking("new"));
    EXPECT_EQ(again->status(), 404);
    EXPECT_LE(again->ended_at() - again->sent_at(), 10ms);
    gateway.thaw_all();
  }
}

// Whoever asks for whatever: it may be known soon.
TEST(Knowing, WhereNobodyHasToldWhatHeHasOneMayAskAgainSoon) {
  SimGateway gateway(1, {backend("a", BackendKind::openai, {server(FakeKind::llama_cpp)}),
                         backend("b", BackendKind::vllm, {server(FakeKind::vllm, {"new"})})});
  gateway.refuse("b");
  Config none = gateway.control.snapshot()->config;
  std::erase_if(none.backends, [](const BackendConfig& each) { return each.name == "a"; });
  none.backends[0].name = "c";  // of which nobody knows anything yet
  none.order = {"c"};
  ASSERT_TRUE(gateway.control.apply(none));
  const std::pair<const char*, const char*> requests[] = {
      {"/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":"a"}]})"},
      {"/v1/embeddings", R"({"model":"m","input":"a"})"},
      {"/v1/messages",
       R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}]})"},
      {"/v1/messages/count_tokens", R"({"model":"m","messages":[{"role":"user","content":"a"}]})"},
      {"/v1/responses", R"({"model":"m","input":"a"})"},
      {"/api/generate", R"({"model":"m","prompt":"a"})"},
      {"/api/chat", R"({"model":"m","messages":[{"role":"user","content":"a"}]})"},
  };
  for (const auto& [path, body] : requests) {
    const auto request = gateway.ask(sim_post(path, body));
    const bool anthropic = std::string_view(path).starts_with("/v1/messages");
    EXPECT_EQ(request->status(), anthropic ? 529 : 503) << path << request->body();
    EXPECT_EQ(request->header("retry-after"), "1") << path;
  }
}

TEST(Knowing, AClientThatWaitsForAnInventoryMayHangUp) {
  SimGateway gateway(1, {backend("a", BackendKind::openai, {server(FakeKind::llama_cpp)}),
                         backend("b", BackendKind::vllm, {server(FakeKind::vllm, {"new"})})});
  Config both = gateway.control.snapshot()->config;
  Config one = both;
  std::erase_if(one.backends, [](const BackendConfig& each) { return each.name == "b"; });
  one.order = {"a"};
  ASSERT_TRUE(gateway.control.apply(one));
  gateway.freeze("b", 0, true);
  ASSERT_TRUE(gateway.control.apply(both));
  const auto gone = gateway.send(asking("new"));
  const auto left = gateway.send(asking("new"));
  gateway.loop.run_for(100ms);
  gone->abort();
  // Another configuration: it was told what to work from, and may come again.
  ASSERT_TRUE(gateway.control.apply(one));
  gateway.finish(*left);
  EXPECT_EQ(left->status(), 503);
  EXPECT_NE(left->header("retry-after"), "");
  gateway.thaw_all();
  EXPECT_EQ(gateway.leftovers(), "");
}

// Its name may mean another address by now, which only a new connection finds out.
TEST(Knowing, NoConnectionIsUsedForEver) {
  SimGateway gateway(1, {backend("a", BackendKind::openai, {server(FakeKind::llama_cpp)})});
  const TimePoint end = gateway.loop.now() + 60s;
  while (gateway.loop.now() < end)
    EXPECT_EQ(gateway.ask(asking("x"))->status(), 200);
  EXPECT_GE(gateway.fake("a").counters().connections, 4U);
  EXPECT_LE(gateway.fake("a").counters().connections, 12U);
}

TEST(Knowing, WhatAReloadTakesAwayDrains) {
  const FakeScript script = server(FakeKind::llama_cpp);
  SimGateway gateway(1, {backend("a", BackendKind::openai, {script}),
                         backend("b", BackendKind::openai, {script})});
  gateway.fake("a").script().head_delay = 5s;
  const auto under_way = gateway.send(asking("x"));
  gateway.loop.run_for(1s);
  Config config = gateway.control.snapshot()->config;
  std::erase_if(config.backends, [](const BackendConfig& one) { return one.name == "a"; });
  config.order = {"b"};
  ASSERT_TRUE(gateway.control.apply(config));
  ASSERT_EQ(gateway.control.draining().size(), 1U);
  EXPECT_EQ(gateway.control.draining()[0].endpoint->id, "a/0");
  EXPECT_EQ(gateway.ask(asking("x"))->header("x-rocket-backend"), "b");
  gateway.finish(*under_way);
  EXPECT_EQ(under_way->status(), 200);
  EXPECT_TRUE(gateway.control.draining().empty());
}

TEST(Knowing, AReloadThatIsRefusedChangesNothing) {
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {server(FakeKind::ollama)})});
  const auto before = gateway.control.snapshot();
  Config config = before->config;
  config.retry.budget = 0;
  config.retry.budget_min = 0;
  config.backends[0].api_key_env = "ROCKET_TEST_NO_SUCH_KEY";
  EXPECT_FALSE(gateway.control.apply(config));
  EXPECT_EQ(gateway.control.snapshot(), before);
  EXPECT_TRUE(before->retry_budget->try_spend(gateway.loop.now()));
  EXPECT_TRUE(before->backends[0].retry_budget->try_spend(gateway.loop.now()));
}

// Within 30 s, however busy the connections to the old one are.
TEST(Knowing, AnAddressThatHasChangedIsFollowed) {
  SimGateway gateway(1, {backend("a", BackendKind::vllm, {server(FakeKind::vllm)})});
  const FakeBackend& before = gateway.fake("a");
  const FakeBackend& after = gateway.move("a", 0, server(FakeKind::vllm), 10s);
  std::uint64_t followed = 0;
  for (int second = 0; second < 60; ++second) {
    EXPECT_EQ(gateway.ask(asking("x"))->status(), 200);
    gateway.loop.run_for(1s);
    if (second < 30) followed = after.counters().requests;
  }
  EXPECT_GT(followed, 0U);
  EXPECT_EQ(after.counters().requests, followed + 30);
  EXPECT_EQ(before.counters().requests + after.counters().requests, 60U);
}

// What a server tells of a model is asked for once.
TEST(Knowing, AModelIsAskedAboutOnce) {
  std::vector<std::string> models;
  for (int i = 0; i < 30; ++i)
    models.push_back("m" + std::to_string(i));
  FakeScript script = server(FakeKind::ollama, models);
  script.context = 4096;
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {script})});
  gateway.loop.run_for(30s);
  size_t asked = 0;
  for (const auto& one : gateway.fake("a").recorder().requests())
    asked += one.head.starts_with("POST /api/show ") ? 1 : 0;
  EXPECT_EQ(asked, models.size());
  for (const InventoryModel& model : gateway.endpoint("a").probed.models)
    EXPECT_EQ(model.facts.context, 4096U) << model.name;
}

}  // namespace
}  // namespace rocket
