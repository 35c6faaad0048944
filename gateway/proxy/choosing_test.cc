#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "proxy/chooser.h"
#include "testing/sim_fleet.h"

// Whom the gateway asks, given what it knows of its endpoints.
namespace rocket {
namespace {

using nlohmann::json;

TEST(Choosing, AWarmEndpointBeforeAColdOne) {
  for (const FakeKind kind : {FakeKind::ollama, FakeKind::lmstudio}) {
    const BackendKind as = kind == FakeKind::ollama ? BackendKind::ollama : BackendKind::lmstudio;
    FakeScript warm = server(kind);
    warm.loaded = {"x"};
    SimGateway gateway(1, {backend("a", as, {server(kind), warm, server(kind), server(kind)})});
    EXPECT_EQ(shares(gateway, 4, 20), (std::vector<std::uint64_t>{0, 20, 0, 0}));
    gateway.fake("a", 1).script().loaded.clear();
    gateway.fake("a", 3).script().loaded = {"x"};
    gateway.loop.run_for(probe_interval);
    EXPECT_EQ(shares(gateway, 4, 20), (std::vector<std::uint64_t>{0, 0, 0, 20}));
  }
}

TEST(Choosing, LoadingDisturbsNobodyWhoGenerates) {
  FakeScript script = server(FakeKind::ollama, {"x", "y"});
  script.loaded = {"y"};
  script.load_time = 1s;
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {script, script, script})});
  gateway.fake("a", 0).script().head_delay = 5s;
  gateway.fake("a", 2).script().head_delay = 5s;
  // y is being generated somewhere, x has to be loaded: not there.
  std::vector<std::unique_ptr<SimRequest>> busy;
  for (int i = 0; i < 2; ++i)
    busy.push_back(gateway.send(asking("y")));
  gateway.loop.run_for(100ms);
  for (int i = 0; i < 4; ++i)
    busy.push_back(gateway.send(asking("x")));
  gateway.loop.run_for(20s);
  std::uint64_t loaded = 0;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(gateway.fake("a", i).counters().disturbances, 0U) << i;
    loaded += gateway.fake("a", i).counters().models_loaded;
  }
  EXPECT_EQ(loaded, 1U) << "requests for one model meet where it is loaded";
  for (const auto& one : busy)
    EXPECT_EQ(one->status(), 200);
}

// Where there is no other choice, it is disturbed.
TEST(Choosing, TheOnlyEndpointIsAskedWhateverItIsAt) {
  FakeScript script = server(FakeKind::ollama, {"x", "y"});
  script.loaded = {"y"};
  script.load_time = 100ms;
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {script})});
  gateway.fake("a").script().head_delay = 3s;
  const auto busy = gateway.send(asking("y"));
  gateway.loop.run_for(100ms);
  EXPECT_EQ(gateway.ask(asking("x"))->status(), 200);
  EXPECT_EQ(gateway.fake("a").counters().disturbances, 1U);
}

// Three models take turns on three servers that hold one each.
TEST(Choosing, ModelsStayWhereTheyAre) {
  FakeScript script = server(FakeKind::ollama, {"x", "y", "z"});
  script.load_time = 2s;
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {script, script, script})});
  for (int i = 0; i < 300; ++i) {
    const char* models[] = {"x", "y", "z"};
    EXPECT_EQ(gateway.ask(asking(models[i % 3]))->status(), 200);
  }
  std::uint64_t loaded = 0;
  for (size_t i = 0; i < 3; ++i)
    loaded += gateway.fake("a", i).counters().models_loaded;
  EXPECT_LE(loaded, 5U) << "of 300 requests";
}

TEST(Choosing, AColdModelHasItsOwnTime) {
  Config config;
  config.timeouts.first_token = 1s;
  config.timeouts.load = 10s;
  config.heartbeat = 0s;
  FakeScript script = server(FakeKind::ollama);
  script.load_time = 5s;
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {script, script})}, config);
  const auto patient = gateway.ask(asking("x", true));
  EXPECT_EQ(patient->status(), 200);
  EXPECT_TRUE(patient->has_done());
  EXPECT_EQ(patient->header("x-rocket-attempts"), "1") << "nobody is asked to load it too";
  // How long that took says nothing about the next one.
  gateway.loop.run_for(probe_interval);
  EXPECT_EQ(gateway.state.current->paces[0]->first_token(0, gateway.loop.now()), 0ns);

  for (size_t i = 0; i < 2; ++i) {
    gateway.fake("a", i).script().loaded.clear();
    gateway.fake("a", i).script().load_time = 1min;
  }
  gateway.loop.run_for(probe_interval);
  const auto late = gateway.ask(asking("x", true));
  EXPECT_EQ(late->status(), 504);
  const json error = json::parse(late->body())["error"];
  EXPECT_EQ(error["code"], "load_timeout");
  EXPECT_NE(error["message"].get<std::string>().find("timeouts.load"), std::string::npos);
}

TEST(Choosing, ASessionStaysWhereItIs) {
  const FakeScript script = server(FakeKind::llama_cpp);
  SimGateway gateway(1, {backend("a", BackendKind::openai, {script, script, script, script})});
  const auto ask = [&](const std::string& session) {
    const auto answered = gateway.ask(
        sim_post("/v1/chat/completions", R"({"model":"x","messages":[{"role":"user"}]})",
                 session.empty() ? "" : "x-rocket-session: " + session + "\r\n"));
    EXPECT_EQ(answered->status(), 200);
    return answered->header("x-rocket-endpoint");
  };
  std::set<std::string> homes;
  for (int i = 0; i < 20; ++i) {
    const std::string session = "session-" + std::to_string(i);
    const std::string home = ask(session);
    homes.insert(home);
    for (int again = 0; again < 5; ++again)
      EXPECT_EQ(ask(session), home) << session;
  }
  EXPECT_EQ(homes.size(), 4U) << "all endpoints have some";

  // When its endpoint is not good any more it moves, and comes back.
  const std::string home = ask("mine");
  const auto index = static_cast<size_t>(home.back() - '0');
  gateway.fake("a", index).script().fault = Fault::status_500;
  for (int i = 0; i < 8; ++i)
    EXPECT_NE(ask("mine"), home);
  EXPECT_EQ(breaker(gateway, index), BreakerState::open);
  const std::string other = ask("mine");
  EXPECT_EQ(ask("mine"), other);
  gateway.fake("a", index).script().fault = Fault::none;
  gateway.loop.run_for(6s);
  EXPECT_EQ(ask("mine"), home) << "its own request tries it out";
  EXPECT_EQ(breaker(gateway, index), BreakerState::closed);
  // The header is between the client and us.
  for (const auto& one : gateway.fake("a", index).recorder().requests())
    EXPECT_EQ(one.head.find("session"), std::string::npos);
}

std::string with_image(const std::string& model) {
  return sim_post("/v1/chat/completions",
                  R"({"model":")" + model +
                      R"(","messages":[{"role":"user","content":[{"type":"image_url",
                         "image_url":{"url":"data:image/png;base64,AAAA"}}]}]})");
}

// As the clients of each dialect send one.
std::vector<std::string> with_image_in_other_dialects(const std::string& model) {
  const std::string named = R"({"stream":false,"model":")" + model + R"(",)";
  return {
      sim_post("/v1/responses", named + R"("input":[{"role":"user","content":[{"type":"input_image",
                          "image_url":"data:image/png;base64,AAAA"}]}]})"),
      sim_post("/v1/messages",
               named + R"("max_tokens":9,"messages":[{"role":"user","content":[{"type":"image",
                          "source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]})"),
      sim_post(
          "/v1/messages",
          named + R"("max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result",
                          "tool_use_id":"t","content":[{"type":"image",
                          "source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}]})"),
      sim_post("/api/chat",
               named + R"("messages":[{"role":"user","content":"hi","images":["AAAA"]}]})"),
      sim_post("/api/generate", named + R"("prompt":"hi","images":["AAAA"]})"),
  };
}

std::string with_tools(const std::string& model) {
  return asking(model, false, R"("tools":[{"type":"function","function":{"name":"f"}}],)");
}

TEST(Choosing, WhoeverCanIsAsked) {
  FakeScript plain = server(FakeKind::ollama);
  plain.abilities.emplace();
  FakeScript able = server(FakeKind::ollama);
  able.abilities = {"tools", "vision"};
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {plain}),
                         backend("b", BackendKind::ollama, {plain, able})});
  EXPECT_EQ(gateway.ask(asking("x"))->header("x-rocket-endpoint"), "a/0");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(gateway.ask(with_tools("x"))->header("x-rocket-endpoint"), "b/1");
    EXPECT_EQ(gateway.ask(with_image("x"))->header("x-rocket-endpoint"), "b/1");
  }
  for (const std::string& bytes : with_image_in_other_dialects("x"))
    EXPECT_EQ(gateway.ask(bytes)->header("x-rocket-endpoint"), "b/1") << bytes;
  // Even if it is down: the others can not.
  gateway.refuse("b", 1);
  gateway.loop.run_for(3 * probe_interval);
  EXPECT_EQ(gateway.ask(with_tools("x"))->status(), 503);
  EXPECT_EQ(gateway.fake("a").counters().requests, 1U);
}

TEST(Choosing, WhatNobodyCanIsRefusedWithAWordOnWhoCan) {
  FakeScript plain = server(FakeKind::ollama, {"x"});
  plain.abilities.emplace();
  FakeScript able = server(FakeKind::ollama, {"y", "z"});
  able.abilities = {"vision"};
  SimGateway gateway(
      1, {backend("a", BackendKind::ollama, {plain}), backend("b", BackendKind::ollama, {able}),
          backend("c", BackendKind::openai, {server(FakeKind::llama_cpp, {"w"})})});
  const auto blind = gateway.ask(with_image("x"));
  EXPECT_EQ(blind->status(), 400);
  json error = json::parse(blind->body())["error"];
  EXPECT_EQ(error["code"], "capability_missing");
  EXPECT_EQ(error["message"],
            "the request has images, and the model 'x' takes none; leave them out, or ask one of "
            "those that can: y (b), z (b)");
  const auto clumsy = gateway.ask(with_tools("x"));
  EXPECT_EQ(clumsy->status(), 400);
  error = json::parse(clumsy->body())["error"];
  EXPECT_EQ(error["message"],
            "the request has `tools`, and the model 'x' takes none; leave them out");
  EXPECT_EQ(gateway.fake("a").counters().requests, 0U);
  // What is not known is the server's to judge.
  EXPECT_EQ(gateway.ask(with_image("w"))->status(), 200);
  EXPECT_EQ(gateway.ask(with_tools("w"))->status(), 200);
}

TEST(Choosing, APromptGoesWhereItFits) {
  FakeScript small = server(FakeKind::vllm);
  small.context = 2048;
  FakeScript large = server(FakeKind::vllm);
  large.context = 8192;
  SimGateway gateway(
      1, {backend("a", BackendKind::vllm, {small}), backend("b", BackendKind::vllm, {large})});
  const auto ask = [&](size_t characters) {
    return gateway.ask(
        sim_post("/v1/chat/completions", R"({"model":"x","messages":[{"role":"user","content":")" +
                                             std::string(characters, 'a') + R"("}]})"));
  };
  const auto fits = ask(10'000);
  EXPECT_EQ(fits->header("x-rocket-backend"), "a");
  EXPECT_EQ(fits->header("x-rocket-warning"), "");
  EXPECT_EQ(ask(20'000)->header("x-rocket-backend"), "b") << "hardly fits into 2048 tokens";
  gateway.refuse("b");
  const auto maybe = ask(20'000);
  EXPECT_EQ(maybe->header("x-rocket-backend"), "a") << "but may";
  EXPECT_TRUE(maybe->header("x-rocket-warning").contains("context of 2048 tokens"));
  const auto refused = ask(300'000);
  EXPECT_EQ(refused->status(), 400);
  const json error = json::parse(refused->body())["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_NE(error["message"].get<std::string>().find("2048 tokens"), std::string::npos) << error;
}

// Ollama would cut it off without a word.
TEST(Choosing, APromptThatCanNotFitIsRefusedInEveryDialect) {
  FakeScript ollama = server(FakeKind::ollama);
  ollama.context = 2048;
  ollama.loaded = {"x"};
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {ollama})});
  const std::string turn = R"("messages":[{"role":"user","content":"TEXT"}])";
  const struct {
    const char* path;
    std::string body;
  } cases[] = {
      {"/v1/chat/completions", turn},
      {"/v1/completions", R"("prompt":"TEXT")"},
      {"/v1/responses", R"("input":"TEXT")"},
      {"/v1/responses", R"("input":"x","instructions":"TEXT")"},
      {"/v1/chat/completions",
       R"("messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":)"
       R"({"name":"f","description":"TEXT"}}])"},
      {"/v1/messages", R"("max_tokens":5,)" + turn},
      {"/v1/messages",
       R"("max_tokens":5,"system":"TEXT","messages":[{"role":"user","content":"x"}])"},
      {"/api/chat", turn},
      {"/api/generate", R"("prompt":"TEXT")"},
      {"/api/generate", R"("prompt":"x","system":"TEXT")"},
  };
  for (const auto& c : cases) {
    const auto ask = [&](size_t characters) {
      std::string body = R"({"model":"x","stream":false,)" + c.body + "}";
      body.replace(body.find("TEXT"), 4, std::string(characters, 'a'));
      return gateway.ask(sim_post(c.path, body));
    };
    EXPECT_NE(ask(60'000)->status(), 400) << c.path;
    const std::uint64_t before = gateway.fake("a").counters().requests;
    const auto refused = ask(70'000);
    EXPECT_EQ(refused->status(), 400) << c.path;
    EXPECT_TRUE(refused->body().contains("2048 tokens")) << refused->body();
    EXPECT_EQ(gateway.fake("a").counters().requests, before) << c.path;
  }
}

TEST(Choosing, TheContextThatOllamaIsAskedToLoadCounts) {
  FakeScript ollama = server(FakeKind::ollama);
  ollama.context = 2048;
  for (const bool loaded : {true, false}) {
    if (loaded) ollama.loaded = {"x"};
    SimGateway gateway(1, {backend("a", BackendKind::ollama, {ollama})});
    const auto refused = [&](const char* context, size_t characters) {
      const auto request = gateway.ask(sim_post(
          "/api/chat", R"({"model":"x","stream":false,"options":{"num_ctx":)" +
                           std::string(context) + R"(},"messages":[{"role":"user","content":")" +
                           std::string(characters, 'a') + R"("}]})"));
      return request->status() == 400;
    };
    EXPECT_FALSE(refused("512", 15'000));
    EXPECT_TRUE(refused("512", 20'000)) << "it is loaded with less than it may have";
    EXPECT_FALSE(refused("0", 20'000)) << "that is none";
    // More than it has it can not be loaded with; what it is loaded with says nothing of that.
    EXPECT_EQ(refused("8192", 70'000), !loaded);
    ollama.loaded.clear();
  }
  // Others are not told.
  FakeScript vllm = server(FakeKind::vllm);
  vllm.context = 2048;
  SimGateway gateway(1, {backend("a", BackendKind::vllm, {vllm})});
  const auto request =
      gateway.ask(sim_post("/api/chat", R"({"model":"x","stream":false,"options":{"num_ctx":512},)"
                                        R"("messages":[{"role":"user","content":")" +
                                            std::string(20'000, 'a') + R"("}]})"));
  EXPECT_EQ(request->status(), 200) << request->body();
}

// A provider that is overloaded is so at each of its addresses.
TEST(Choosing, AnOverloadedProviderIsLeftAloneAsAWhole) {
  FakeScript script = server(FakeKind::llama_cpp);
  for (const bool asks : {true, false}) {
    SimGateway gateway(1, {backend("a", BackendKind::openai, {script, script, script}),
                           backend("b", BackendKind::openai, {script})});
    const std::string wait = asks ? R"(,"retry_after":"20")" : "";
    const std::string overloaded =
        asking("x", false, R"("fake":{"fault":"status_529")" + wait + R"(},"backend":"a",)");
    const auto first = gateway.ask(overloaded);
    EXPECT_EQ(first->status(), 503) << "b says so too, this once";
    EXPECT_EQ(json::parse(first->body())["error"]["code"], "upstream_overloaded");
    for (size_t i = 0; i < 3; ++i)
      EXPECT_EQ(breaker(gateway, i), BreakerState::open) << i;
    std::uint64_t asked = 0;
    for (size_t i = 0; i < 3; ++i)
      asked += gateway.fake("a", i).counters().requests;
    // As a last resort one that has not asked to be left alone.
    EXPECT_LE(asked, asks ? 1U : 2U);
    EXPECT_EQ(gateway.ask(asking("x"))->header("x-rocket-backend"), "b");
    gateway.loop.run_for(asks ? 21s : 6s);
    EXPECT_EQ(gateway.ask(asking("x", false, R"("backend":"a",)"))->header("x-rocket-backend"),
              "a");
  }
}

// What an answer says of the provider's limits is heeded before they hurt, but costs no answer.
TEST(Choosing, WhoIsAboutToRunIntoALimitIsSpared) {
  const struct {
    const char* name;
    std::uint64_t left;
    size_t prompt_bytes;
    bool spared;
  } cases[] = {
      {"room for many", 49, 10, false},
      {"none left", 0, 10, true},
      {"too few tokens for another one", 1, 5000, true},
      {"tokens for another one", 1, 3000, false},
  };
  for (const auto& c : cases) {
    SimGateway gateway(1, {backend("a", BackendKind::anthropic, {server(FakeKind::anthropic)}),
                           backend("b", BackendKind::openai, {server(FakeKind::llama_cpp)})});
    gateway.fake("a").script().requests_left = c.left;
    const std::string body = R"({"model":"x","messages":[{"role":"user","content":")" +
                             std::string(c.prompt_bytes, 'x') + R"("}]})";
    const auto answered_by = [&] {
      return gateway.ask(sim_post("/v1/chat/completions", body))->header("x-rocket-backend");
    };
    EXPECT_EQ(answered_by(), "a") << c.name;
    EXPECT_EQ(answered_by(), c.spared ? "b" : "a") << c.name;
    gateway.refuse("b");
    EXPECT_EQ(answered_by(), "a") << c.name << ": nobody else can answer";
    gateway.fake("a").script().requests_left = 49;
    gateway.loop.run_for(61s);
    EXPECT_EQ(answered_by(), "a") << c.name;
  }
}

// A rate limit is that of one endpoint's key.
TEST(Choosing, ALimitedEndpointIsLeftAloneByItself) {
  const FakeScript script = server(FakeKind::llama_cpp);
  SimGateway gateway(1, {backend("a", BackendKind::openai, {script, script})});
  gateway.fake("a", 0).script().fault = Fault::status_429;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(gateway.ask(asking("x"))->status(), 200);
  EXPECT_EQ(breaker(gateway, 1), BreakerState::closed);
}

// `a/0` does something wrong under a steady load; what share of the last requests it gets.
double share_of_first(SimGateway& gateway, Duration time) {
  std::vector<std::unique_ptr<SimRequest>> sent;
  const TimePoint end = gateway.loop.now() + time;
  std::uint64_t before = 0;
  while (gateway.loop.now() < end) {
    if (gateway.loop.now() < end - 5s) before = gateway.fake("a", 0).counters().requests;
    sent.push_back(gateway.send(asking("x")));
    gateway.loop.run_for(10ms);
  }
  const std::uint64_t asked = gateway.fake("a", 0).counters().requests - before;
  gateway.loop.run_for(60s);
  for (const auto& one : sent)
    EXPECT_EQ(one->status(), 200);
  return static_cast<double>(asked) / 500;
}

TEST(Choosing, AnOutlierIsLeftAlone) {
  const FakeScript script = server(FakeKind::llama_cpp);
  for (const double max_ejected : {0.5, 0.0}) {
    Config config;
    config.outlier.max_ejected = max_ejected;
    config.retry.budget_min = 1000;
    config.breaker.consecutive = 1000;  // every other request fails
    config.breaker.error_rate = 1;
    SimGateway gateway(1, {backend("a", BackendKind::openai, {script, script, script, script})},
                       config);
    share_of_first(gateway, 6s);
    gateway.fake("a", 0).script().fault = Fault::status_500;
    gateway.fake("a", 0).script().fault_share = 0.5;
    const double share = share_of_first(gateway, 15s);
    const OutlierMark mark = gateway.endpoint("a", 0).outlier.load();
    if (max_ejected == 0) {
      EXPECT_GT(share, 0.1);
      EXPECT_FALSE(mark.ejected);
      continue;
    }
    EXPECT_LT(share, 0.1);
    // It gets another chance.
    gateway.fake("a", 0).script() = script;
    gateway.loop.run_for(30s);
    EXPECT_FALSE(gateway.endpoint("a", 0).outlier.load().ejected);
    EXPECT_GT(share_of_first(gateway, 6s), 0.15);
  }
}

TEST(Choosing, WhoBecomesSlowIsDegraded) {
  const FakeScript script = server(FakeKind::llama_cpp);
  Config config;
  config.hedge.on = false;
  SimGateway gateway(1, {backend("a", BackendKind::openai, {script, script, script, script})},
                     config);
  share_of_first(gateway, 6s);
  gateway.fake("a", 0).script().head_delay = 500ms;
  std::vector<std::unique_ptr<SimRequest>> sent;
  bool seen = false;
  for (int i = 0; i < 1000; ++i) {
    sent.push_back(gateway.send(asking("x")));
    gateway.loop.run_for(10ms);
    const OutlierMark mark = gateway.endpoint("a", 0).outlier.load();
    seen |= mark.fault == OutlierFault::slow && mark.ejected;
  }
  EXPECT_TRUE(seen);
  // And is tried again.
  gateway.fake("a", 0).script() = script;
  gateway.loop.run_for(1min);
  EXPECT_EQ(gateway.endpoint("a", 0).outlier.load(), OutlierMark{});
  EXPECT_GT(share_of_first(gateway, 6s), 0.15);
}

TEST(Choosing, WhatWasSeenIsKeptForReceipts) {
  FakeScript warm = server(FakeKind::ollama);
  warm.loaded = {"x"};
  SimGateway gateway(1, {backend("a", BackendKind::ollama, {server(FakeKind::ollama), warm}),
                         backend("b", BackendKind::ollama, {warm})});
  const auto request = gateway.ask(asking("x"));
  EXPECT_EQ(request->header("x-rocket-endpoint"), "a/1");
  const auto kept = gateway.state.current->receipts->find(request->header("x-request-id"));
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->candidates(), 2U) << "the next backend was not looked at";
  EXPECT_EQ(kept->candidate(0).endpoint, "a/0");
  EXPECT_EQ(kept->candidate(0).why, to_string(Why::cold));
  EXPECT_FALSE(kept->candidate(0).chosen);
  EXPECT_EQ(kept->candidate(1).endpoint, "a/1");
  EXPECT_TRUE(kept->candidate(1).chosen);
  EXPECT_EQ(kept->candidate(1).score, 1);
}

TEST(Choosing, WhoWasChosenOfManyIsKeptForReceipts) {
  std::vector<FakeScript> scripts(12, server(FakeKind::ollama));
  scripts.back().loaded = {"x"};
  SimGateway gateway(1, {backend("a", BackendKind::ollama, scripts)});
  const auto request = gateway.ask(asking("x"));
  EXPECT_EQ(request->header("x-rocket-endpoint"), "a/11");
  const auto kept = gateway.state.current->receipts->find(request->header("x-request-id"));
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->candidates(), Receipt::candidates_max);
  for (std::size_t i = 0; i < kept->candidates(); ++i) {
    const Receipt::Candidate one = kept->candidate(i);
    EXPECT_EQ(one.chosen, one.endpoint == "a/11") << one.endpoint;
  }
  ASSERT_EQ(kept->attempts().size(), 1U);
  EXPECT_EQ(kept->endpoint_of(kept->attempts()[0]), "a/11");
}

}  // namespace
}  // namespace rocket
