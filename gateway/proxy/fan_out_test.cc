#include "proxy/fan_out.h"

#include "config/keys_file.h"
#include "testing/told_choices.h"

// Several choices of backends that give one at a time, as clients and upstreams see them.
namespace rocket {
namespace {

using namespace told_choices;

TEST(FanOut, WholeAnswersHaveAllChoices) {
  for (const FakeKind kind : one_choice) {
    SimGateway gateway(1, {backend("one", kind, {FakeScript{}})});
    const auto request = gateway.ask(ask(false, R"("n":3,)"));
    ASSERT_EQ(request->status(), 200) << request->body();
    const json answer = json::parse(request->body());
    ASSERT_EQ(answer["choices"].size(), 3U) << answer;
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(answer["choices"][i]["index"], i);
      EXPECT_EQ(answer["choices"][i]["message"]["content"],
                fake_text(gateway.fake("one").script()));
      EXPECT_EQ(answer["choices"][i]["finish_reason"], "stop");
    }
    const json one = json::parse(gateway.ask(ask(false, ""))->body());
    EXPECT_EQ(answer["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"]);
    const int said = one["usage"]["completion_tokens"];
    EXPECT_EQ(answer["usage"]["completion_tokens"], 3 * said);
    const int prompt = one["usage"]["prompt_tokens"];
    EXPECT_EQ(answer["usage"]["total_tokens"], prompt + 3 * said);
    EXPECT_EQ(answer["_backend"], "one");
    EXPECT_EQ(answer["object"], "chat.completion");
    EXPECT_EQ(request->header("content-type"), "application/json");
    EXPECT_EQ(request->header("x-rocket-translation"), "emulated=n");
    EXPECT_EQ(request->header("x-rocket-attempts"), "3");
    EXPECT_EQ(request->header("x-rocket-backend"), "one");
    EXPECT_EQ(request->header("x-rocket-endpoint"), "one/0");
    EXPECT_EQ(gateway.fake("one").counters().requests, 4U);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

TEST(FanOut, StreamsHaveAllChoicesAsTheyCome) {
  for (const FakeKind kind : one_choice) {
    for (const bool usage : {false, true}) {
      FakeScript script;
      script.event_delay = 10ms;
      SimGateway gateway(1, {backend("one", kind, {script})});
      const auto request =
          gateway.ask(ask(true, std::string(R"("n":3,"stream_options":{"include_usage":)") +
                                    (usage ? "true" : "false") + "},"));
      ASSERT_EQ(request->status(), 200) << request->body();
      EXPECT_TRUE(request->whole());
      Stream stream = read_stream(request->body());
      ASSERT_EQ(stream.choices.size(), 3U) << request->body();
      for (const auto& [index, heard] : stream.choices) {
        EXPECT_LT(index, 3);
        EXPECT_EQ(heard.text, fake_text(gateway.fake("one").script()));
        EXPECT_EQ(heard.role, "assistant");
        EXPECT_EQ(heard.finish, "stop");
      }
      EXPECT_FALSE(std::ranges::is_sorted(stream.order)) << "they come side by side";
      EXPECT_EQ(stream.ids.size(), 1U) << "one answer has one id";
      EXPECT_EQ(stream.done, 1U);
      ASSERT_EQ(stream.usages.size(), usage ? 1U : 0U);
      if (usage) {
        const json one = json::parse(gateway.ask(ask(false, ""))->body())["usage"];
        const int said = one["completion_tokens"];
        EXPECT_EQ(stream.usages[0]["prompt_tokens"], one["prompt_tokens"]);
        EXPECT_EQ(stream.usages[0]["completion_tokens"], 3 * said);
      }
      EXPECT_EQ(request->header("content-type"), "text/event-stream");
      EXPECT_EQ(request->header("x-rocket-translation"), "emulated=n");
      EXPECT_EQ(request->header("x-rocket-attempts"), "3");
      EXPECT_EQ(gateway.leftovers(), "");
    }
  }
}

TEST(FanOut, TextCompletionsToo) {
  SimGateway gateway(1, {ollama()});
  const std::string text = fake_text(gateway.fake("ollama").script());
  const std::string body = R"({"model":"fake-model","n":2,"prompt":"one two","stream":)";
  const auto whole = gateway.ask(sim_post("/v1/completions", body + "false}"));
  ASSERT_EQ(whole->status(), 200) << whole->body();
  const json answer = json::parse(whole->body());
  ASSERT_EQ(answer["choices"].size(), 2U);
  EXPECT_EQ(answer["choices"][1]["index"], 1);
  EXPECT_EQ(answer["choices"][1]["text"], text);

  const auto streamed = gateway.ask(sim_post("/v1/completions", body + "true}"));
  Stream stream = read_stream(streamed->body());
  EXPECT_EQ(stream.choices[0].text, text);
  EXPECT_EQ(stream.choices[1].text, text);
  EXPECT_EQ(stream.done, 1U);
}

TEST(FanOut, EachIsAskedForOneWithASeedOfItsOwn) {
  SimGateway gateway(1, {ollama()});
  gateway.fake("ollama").recorder().clear();
  EXPECT_EQ(gateway.ask(ask(false, R"("n":3,"seed":7,"x":[1, 2],)"))->status(), 200);
  std::multiset<int> seeds;
  for (const RecordedRequest& one : gateway.fake("ollama").recorder().requests()) {
    if (!one.head.starts_with("POST /v1/")) continue;
    EXPECT_TRUE(one.body.starts_with(R"({"n":1,"seed":)")) << one.body;
    EXPECT_TRUE(one.body.contains(R"("x":[1, 2],)")) << "the rest passes byte for byte";
    seeds.insert(json::parse(one.body)["seed"].get<int>());
  }
  EXPECT_EQ(seeds, (std::multiset<int>{7, 8, 9}));
}

TEST(FanOut, WhoeverGivesSeveralIsAskedOnce) {
  SimGateway gateway(1, {vllm()});
  for (const bool stream : {false, true}) {
    gateway.fake("vllm").recorder().clear();
    const auto request =
        gateway.ask(ask(stream, R"("n":9,"seed":7,"stream_options":{"include_usage":true},)"));
    ASSERT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(request->header("x-rocket-translation"), "");
    EXPECT_EQ(request->header("x-rocket-attempts"), "1");
    const auto bodies = bodies_at(gateway, "vllm");
    ASSERT_EQ(bodies.size(), 1U);
    EXPECT_EQ(bodies[0]["n"], 9);
    EXPECT_EQ(bodies[0]["seed"], 7);
    if (stream) {
      EXPECT_EQ(read_stream(request->body()).choices.size(), 9U);
    } else {
      EXPECT_EQ(json::parse(request->body())["choices"].size(), 9U);
    }
  }
}

TEST(FanOut, StrictClientsAreRefusedAndToldWhy) {
  SimGateway gateway(1, {ollama()});
  const std::string strict = "x-rocket-strict: 1\r\n";
  const auto refused = gateway.ask(ask(false, R"("n":2,)", strict));
  EXPECT_EQ(refused->status(), 400);
  EXPECT_TRUE(refused->body().contains("emulated=n")) << refused->body();
  EXPECT_EQ(gateway.fake("ollama").counters().requests, 0U);
  EXPECT_EQ(gateway.ask(ask(false, R"("n":1,)", strict))->status(), 200);
  // Who can be told all of it is asked.
  SimGateway mixed(1, {ollama(), vllm()});
  const auto other = mixed.ask(ask(false, R"("n":2,)", strict));
  EXPECT_EQ(other->header("x-rocket-backend"), "vllm") << other->body();
  EXPECT_EQ(json::parse(other->body())["choices"].size(), 2U);
}

TEST(FanOut, MoreThanTheLimitIsRefused) {
  Config config;
  config.limits.choices = 3;
  SimGateway gateway(1, {ollama()}, config);
  EXPECT_EQ(gateway.ask(ask(false, R"("n":3,)"))->status(), 200);
  for (const char* n : {"4", "99999999999", "9007199254740993"}) {
    const auto request = gateway.ask(ask(true, R"("n":)" + std::string(n) + ","));
    EXPECT_EQ(request->status(), 400);
    EXPECT_TRUE(request->body().contains("limits.choices")) << request->body();
    EXPECT_TRUE(request->body().contains(std::string("`n` is ") + n + ",")) << request->body();
  }
  SimGateway mixed(1, {ollama(), vllm()}, config);
  EXPECT_EQ(mixed.ask(ask(false, R"("n":4,)"))->header("x-rocket-backend"), "vllm");
}

TEST(FanOut, ANumberThatIsNoneIsTheUpstreamsToJudge) {
  SimGateway gateway(1, {ollama()});
  for (const char* n : {"0", "-1", "null", "\"3\"", "1.5", "1"}) {
    gateway.fake("ollama").recorder().clear();
    const auto request = gateway.ask(ask(false, R"("n":)" + std::string(n) + ","));
    EXPECT_EQ(request->status(), 200) << n;
    EXPECT_EQ(request->header("x-rocket-translation"), "") << n;
    const auto bodies = bodies_at(gateway, "ollama");
    ASSERT_EQ(bodies.size(), 1U) << n;
    EXPECT_EQ(bodies[0]["n"], json::parse(n));
  }
}

TEST(FanOut, WhoHangsUpCallsAllOff) {
  for (const bool stream : {false, true}) {
    for (const Duration after : {1ms, 15ms, 120ms, 260ms}) {
      FakeScript script;
      script.head_delay = 50ms;
      script.event_delay = 40ms;
      script.tokens = 100;
      SimGateway gateway(1, {ollama({script, script})});
      const auto request = gateway.send(ask(stream, R"("n":5,)"));
      gateway.loop.run_for(after);
      request->abort();
      gateway.loop.run_for(20ms);
      EXPECT_EQ(gateway.fake("ollama", 0).counters().in_flight, 0U);
      EXPECT_EQ(gateway.fake("ollama", 1).counters().in_flight, 0U);
      EXPECT_EQ(gateway.leftovers(), "");
    }
  }
}

TEST(FanOut, TheyMayEndUpAtDifferentEndpoints) {
  FakeScript script;
  script.head_delay = 100ms;
  script.loaded = {"fake-model"};
  SimGateway gateway(1, {ollama({script, script})});
  EXPECT_EQ(gateway.ask(ask(false, R"("n":6,)"))->status(), 200);
  EXPECT_GE(gateway.fake("ollama", 0).counters().requests, 2U);
  EXPECT_GE(gateway.fake("ollama", 1).counters().requests, 2U);
}

TEST(FanOut, EachWaitsForAPlace) {
  for (const bool stream : {false, true}) {
    FakeScript script;
    script.head_delay = 100ms;
    Config config;
    config.limits.in_flight_per_endpoint = 1;
    SimGateway gateway(1, {ollama({script})}, config);
    const auto request = gateway.ask(ask(stream, R"("n":3,)"));
    EXPECT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(gateway.fake("ollama").counters().in_flight_max, 1U);
    EXPECT_GE(request->ended_at() - request->sent_at(), 300ms);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

TEST(FanOut, TheReceiptHasTheAttemptsOfAll) {
  SimGateway gateway(1, {ollama()});
  const auto request = gateway.ask(ask(false, R"("n":3,)"));
  const auto kept = gateway.state.current->receipts->find(request->header("x-request-id"));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->attempts().size(), 3U);
  for (const AttemptReceipt& one : kept->attempts())
    EXPECT_EQ(one.outcome, Outcome::ok);
  EXPECT_EQ(kept->model(), "fake-model");
  EXPECT_EQ(kept->outcome, Outcome::ok);
  // What was worked: each has read the prompt.
  const json usage = json::parse(request->body())["usage"];
  EXPECT_EQ(kept->tokens_in, 3 * usage["prompt_tokens"].get<int>());
  EXPECT_EQ(kept->tokens_out, usage["completion_tokens"].get<int>());
}

TEST(FanOut, WhatIsLeftWasWorkedForAllTheSame) {
  FakeScript script;
  script.tokens = 100;
  script.event_delay = 10ms;
  SimGateway gateway(1, {ollama({script})});
  const auto request = gateway.send(ask(true, R"("n":3,)"));
  gateway.loop.run_for(500ms);
  ASSERT_EQ(request->status(), 200);
  request->abort();
  gateway.loop.run_for(10ms);
  const auto kept = gateway.state.current->receipts->find(request->header("x-request-id"));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->outcome, Outcome::cancelled);
  EXPECT_GE(kept->tokens_out, 3 * 40);
  EXPECT_LE(kept->tokens_out, 3 * 50);
}

TEST(FanOut, AKeyPaysForAll) {
  KeyConfig key;
  key.name = "a";
  key.hash = sha256("rk-a");
  key.rpm = 100;
  key.tpm = 1000;
  Config config;
  config.keys_file = {"keys.yaml", {key}};
  FakeScript wordy;
  wordy.tokens = 50;
  SimGateway gateway(1, {ollama({wordy})}, config);
  const std::string bearer = "Authorization: Bearer rk-a\r\n";
  const auto left = [&](const char* what) {
    const auto request = gateway.ask(ask(false, "", bearer));
    return std::stoi(request->header("x-ratelimit-remaining-" + std::string(what)));
  };
  const int tokens_before = left("tokens");
  const int requests_before = left("requests");
  EXPECT_EQ(gateway.ask(ask(true, R"("n":4,)", bearer))->status(), 200);
  EXPECT_LE(left("tokens"), tokens_before - 4 * 50);
  EXPECT_EQ(left("requests"), requests_before - 3) << "one request is one, whatever it asks for";
}

}  // namespace
}  // namespace rocket
