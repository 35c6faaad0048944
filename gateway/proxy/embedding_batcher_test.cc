#include "proxy/embedding_batcher.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "schema/embedding_vectors.h"
#include "testing/sim_gateway.h"

// Embeddings requests that share upstream calls, as clients and upstreams see them.
namespace rocket {
namespace {

using nlohmann::json;

std::vector<SimGateway::BackendSpec> one_backend(Duration time) {
  FakeScript script;
  script.head_delay = time;
  return {{.name = "a", .endpoints = {script}, .default_model = "fake-model"}};
}

std::string embed(const std::string& text, const std::string& more = "") {
  return sim_post("/v1/embeddings",
                  R"({"model":"fake-model",)" + more + R"("input":)" + json(text).dump() + "}");
}

using Requests = std::vector<std::unique_ptr<SimRequest>>;

// What the vector of `text` is when it is asked for alone.
json vector_of(const std::string& text) {
  SimGateway gateway(1, one_backend(1ms));
  return json::parse(gateway.ask(embed(text))->body())["data"][0]["embedding"];
}

TEST(EmbeddingBatcher, many_at_once_are_few_calls_and_each_gets_its_own) {
  SimGateway gateway(1, one_backend(50ms));
  Requests requests;
  for (int i = 0; i < 64; ++i)
    requests.push_back(gateway.send(embed("text " + std::to_string(i))));
  gateway.loop.run_for(5s);
  EXPECT_LE(gateway.fake("a").counters().requests, 4U);
  std::set<std::string> vectors;
  for (int i = 0; i < 64; ++i) {
    const SimRequest& one = *requests[static_cast<size_t>(i)];
    ASSERT_EQ(one.status(), 200);
    const json body = json::parse(one.body());
    ASSERT_EQ(body["data"].size(), 1U);
    EXPECT_EQ(body["data"][0]["index"], 0);
    EXPECT_EQ(body["_backend"], "a");
    EXPECT_EQ(one.header("x-rocket-endpoint"), "a/0");
    EXPECT_GT(body["usage"]["prompt_tokens"], 0);
    vectors.insert(body["data"][0]["embedding"].dump());
    if (i % 16 == 0) {
      EXPECT_EQ(body["data"][0]["embedding"], vector_of("text " + std::to_string(i)));
    }
  }
  EXPECT_EQ(vectors.size(), 64U) << "nobody got another's";
  requests.clear();
  EXPECT_EQ(gateway.leftovers(), "");
}

// What was lost in it, and what its server warns of, concerns all who share it.
TEST(EmbeddingBatcher, what_is_said_of_a_shared_call_is_told_to_each) {
  auto backends = one_backend(50ms);
  backends[0].endpoints[0].lost = "dropped=user";
  SimGateway gateway(1, backends);
  Requests requests;
  for (int i = 0; i < 8; ++i)
    requests.push_back(gateway.send(embed("text " + std::to_string(i))));
  gateway.loop.run_for(5s);
  EXPECT_LE(gateway.fake("a").counters().requests, 4U);
  for (const auto& one : requests) {
    EXPECT_EQ(one->header("x-rocket-translation"), "dropped=user");
    EXPECT_EQ(one->header("x-rocket-warning"), requests[0]->header("x-rocket-warning"));
    EXPECT_EQ(one->header("x-rocket-attempts"), "1");
  }
  EXPECT_NE(requests[0]->header("x-rocket-warning"), "");
}

TEST(EmbeddingBatcher, one_after_the_other_wait_for_nobody) {
  Config without;
  without.embedding_batching.on = false;
  SimGateway plain(1, one_backend(10ms), without);
  SimGateway gateway(1, one_backend(10ms));
  for (int i = 0; i < 5; ++i) {
    const auto expected = plain.ask(embed("text"));
    const auto request = gateway.ask(embed("text"));
    EXPECT_EQ(request->status(), 200);
    EXPECT_EQ(request->ended_at() - request->sent_at(), expected->ended_at() - expected->sent_at());
  }
  EXPECT_EQ(gateway.fake("a").counters().requests, 5U);
}

TEST(EmbeddingBatcher, nobody_waits_longer_than_the_setting_says) {
  SimGateway gateway(1, one_backend(500ms));
  const auto first = gateway.send(embed("1"));
  const auto second = gateway.send(embed("2"));
  gateway.loop.run_for(10ms);
  const auto third = gateway.send(embed("3"));
  gateway.loop.run_for(1ms);
  EXPECT_EQ(gateway.fake("a").counters().requests, 2U) << "it waits for company";
  gateway.loop.run_for(10ms);
  EXPECT_EQ(gateway.fake("a").counters().requests, 3U);
  gateway.finish(*third);
  EXPECT_EQ(third->status(), 200);
}

// The fake gives lists, as LM Studio does, whatever it is asked for.
TEST(EmbeddingBatcher, who_asks_lm_studio_for_base64_gets_it) {
  auto backends = one_backend(50ms);
  backends[0].kind = BackendKind::lmstudio;
  SimGateway gateway(1, backends);
  Requests requests;
  for (int i = 0; i < 6; ++i) {
    requests.push_back(
        gateway.send(embed("text " + std::to_string(i), R"("encoding_format":"base64",)")));
  }
  gateway.loop.run_for(5s);
  EXPECT_LE(gateway.fake("a").counters().requests, 4U) << "together";
  for (int i = 0; i < 6; ++i) {
    const SimRequest& one = *requests[static_cast<size_t>(i)];
    ASSERT_EQ(one.status(), 200) << one.body();
    const json body = json::parse(one.body());
    EXPECT_EQ(body["_backend"], "a");
    const std::string list =
        R"({"data":[{"embedding":)" + vector_of("text " + std::to_string(i)).dump() + "}]}";
    const json expected = json::parse(vectors_in_base64(list).value_or("{}"));
    EXPECT_EQ(body["data"][0]["embedding"], expected["data"][0]["embedding"]) << body;
  }
  const auto plain = gateway.ask(embed("text", R"("encoding_format":"float",)"));
  EXPECT_TRUE(json::parse(plain->body())["data"][0]["embedding"].is_array()) << plain->body();
  SimGateway others(1, one_backend(50ms));
  const auto passed = others.ask(embed("text", R"("encoding_format":"base64",)"));
  EXPECT_TRUE(json::parse(passed->body())["data"][0]["embedding"].is_array()) << passed->body();
  requests.clear();
  EXPECT_EQ(gateway.leftovers(), "");
}

struct ApartCase {
  const char* name;
  std::string one;
  std::string other;
  const char* setting = "";
};

TEST(EmbeddingBatcher, what_asks_for_something_else_is_asked_apart) {
  const ApartCase cases[] = {
      {"dimensions", embed("x", R"("dimensions":8,)"), embed("x", R"("dimensions":9,)")},
      {"encoding", embed("x", R"("encoding_format":"float",)"), embed("x")},
      {"tokens", sim_post("/v1/embeddings", R"({"model":"fake-model","input":[1,2]})"),
       sim_post("/v1/embeddings", R"({"model":"fake-model","input":[1,2]})")},
      {"lane",
       sim_post("/v1/embeddings", R"({"model":"fake-model","input":"x"})",
                "x-rocket-lane: batch\r\n"),
       embed("x")},
      {"a header that is passed on",
       sim_post("/v1/embeddings", R"({"model":"fake-model","input":"x"})",
                "OpenAI-Organization: a\r\n"),
       embed("x")},
      {"off", embed("x"), embed("x"), "off"},
  };
  for (const ApartCase& c : cases) {
    Config config;
    config.embedding_batching.on = std::string(c.setting) != "off";
    SimGateway gateway(1, one_backend(50ms), config);
    Requests requests;
    for (int i = 0; i < 2; ++i) {
      requests.push_back(gateway.send(c.one));
      requests.push_back(gateway.send(c.other));
    }
    gateway.loop.run_for(2s);
    EXPECT_EQ(gateway.fake("a").counters().requests, 4U) << c.name;
    for (const auto& one : requests)
      EXPECT_NE(one->status(), 0) << c.name;
  }
}

// Of two organisations, each request in a trace of its own.
TEST(EmbeddingBatcher, headers_that_are_passed_on_go_with_the_joined_call) {
  SimGateway gateway(1, one_backend(50ms));
  gateway.fake("a").recorder().clear();
  Requests requests;
  for (int i = 0; i < 32; ++i) {
    const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e47" + std::to_string(10 + i);
    requests.push_back(gateway.send(
        sim_post("/v1/embeddings", R"({"model":"fake-model","input":"x"})",
                 std::string("OpenAI-Organization: org-") + (i % 2 == 0 ? "a" : "b") +
                     "\r\nx-team: blue\r\ntraceparent: " + trace + "-00f067aa0ba902b7-01\r\n")));
  }
  gateway.loop.run_for(5s);
  for (const auto& one : requests)
    EXPECT_EQ(one->status(), 200) << one->body();
  EXPECT_LE(gateway.fake("a").counters().requests, 8U);
  for (const RecordedRequest& recorded : gateway.fake("a").recorder().requests()) {
    if (!recorded.head.starts_with("POST ")) continue;
    EXPECT_NE(recorded.head.contains("OpenAI-Organization: org-a\r\n"),
              recorded.head.contains("OpenAI-Organization: org-b\r\n"))
        << recorded.head;
    EXPECT_TRUE(recorded.head.contains("x-team: blue\r\n")) << recorded.head;
  }
}

TEST(EmbeddingBatcher, when_the_joined_call_fails_each_has_its_own_answer) {
  SimGateway gateway(1, one_backend(50ms));
  const auto first = gateway.send(embed("1"));
  const auto second = gateway.send(embed("2"));
  gateway.loop.run_for(10ms);
  Requests requests;
  for (int i = 0; i < 8; ++i)
    requests.push_back(gateway.send(embed("text " + std::to_string(i))));
  // It is on its way by then; the next ones are answered as they should be.
  gateway.fake("a").script().status = 400;
  gateway.loop.run_for(20ms);
  gateway.fake("a").script().status = 200;
  gateway.loop.run_for(5s);
  EXPECT_EQ(first->status(), 200);
  EXPECT_EQ(second->status(), 200);
  for (const auto& one : requests)
    EXPECT_EQ(one->status(), 200) << one->body();
  EXPECT_EQ(gateway.fake("a").counters().requests, 2U + 1 + 8);
}

TEST(EmbeddingBatcher, whose_time_ends_with_the_joined_call_asks_nobody_else) {
  FakeScript drips;
  drips.fault = Fault::drip_body;
  drips.event_delay = 100ms;
  std::vector<SimGateway::BackendSpec> specs{
      {.name = "a", .endpoints = {drips}, .default_model = "fake-model"},
      {.name = "b", .endpoints = {FakeScript{}}, .default_model = "fake-model"}};
  Config config;
  config.timeouts.total = 5s;
  SimGateway gateway(1, specs, config);
  Requests requests;
  for (int i = 0; i < 10; ++i)
    requests.push_back(gateway.send(embed("text " + std::to_string(i))));
  gateway.loop.run_for(6s);
  for (const auto& one : requests) {
    EXPECT_EQ(one->status(), 504) << one->body();
    EXPECT_TRUE(one->body().contains("timeouts.total")) << one->body();
  }
  EXPECT_EQ(gateway.fake("b").counters().requests, 0U);
  EXPECT_EQ(gateway.endpoint("b").breaker.outcomes().bad, 0U);
}

TEST(EmbeddingBatcher, who_shared_a_call_does_not_wait_for_a_place_twice) {
  Config config;
  config.limits.in_flight_per_endpoint = 2;
  config.timeouts.queue = 2s;
  SimGateway gateway(1, one_backend(1ms), config);
  gateway.fake("a").script().head_delay = 20s;
  Requests requests;
  for (int i = 0; i < 8; ++i)
    requests.push_back(gateway.send(embed("text " + std::to_string(i))));
  gateway.loop.run_for(2500ms);
  for (size_t i = 2; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i]->status(), 503) << requests[i]->body();
    EXPECT_TRUE(requests[i]->body().contains("no_place")) << requests[i]->body();
    EXPECT_FALSE(requests[i]->header("retry-after").empty());
  }
  EXPECT_EQ(gateway.fake("a").counters().requests, 2U);
}

TEST(EmbeddingBatcher, an_error_is_each_request_s_own) {
  SimGateway gateway(1, one_backend(50ms));
  gateway.fake("a").script().status = 400;
  Requests requests;
  for (int i = 0; i < 8; ++i)
    requests.push_back(gateway.send(embed("text")));
  gateway.loop.run_for(5s);
  for (const auto& one : requests) {
    EXPECT_EQ(one->status(), 400);
    EXPECT_TRUE(json::parse(one->body()).contains("error"));
  }
}

TEST(EmbeddingBatcher, who_hangs_up_takes_nobody_with_him_and_all_together_their_call) {
  SimGateway gateway(1, one_backend(100ms));
  const auto first = gateway.send(embed("1"));
  const auto second = gateway.send(embed("2"));
  gateway.loop.run_for(10ms);
  Requests requests;
  for (int i = 0; i < 4; ++i)
    requests.push_back(gateway.send(embed("text")));
  gateway.loop.run_for(1ms);
  requests[0]->abort();
  gateway.loop.run_for(20ms);
  EXPECT_EQ(gateway.fake("a").counters().requests, 3U);
  requests[1]->abort();
  gateway.loop.run_for(1s);
  EXPECT_EQ(requests[2]->status(), 200);
  EXPECT_EQ(requests[3]->status(), 200);
  EXPECT_EQ(gateway.fake("a").counters().aborted, 0U);

  const auto fifth = gateway.send(embed("5"));
  const auto sixth = gateway.send(embed("6"));
  gateway.loop.run_for(10ms);
  requests.clear();
  for (int i = 0; i < 4; ++i)
    requests.push_back(gateway.send(embed("text")));
  gateway.loop.run_for(20ms);
  for (const auto& one : requests)
    one->abort();
  gateway.loop.run_for(50ms);
  EXPECT_EQ(gateway.fake("a").counters().aborted, 1U) << "the joined call";
  gateway.finish(*sixth);
  requests.clear();
  EXPECT_EQ(gateway.leftovers(), "");
}

}  // namespace
}  // namespace rocket
