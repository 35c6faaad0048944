#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/keys_file.h"
#include "testing/sim_gateway.h"

// What a key lets its holder do, on the real request path.
namespace rocket {
namespace {

using nlohmann::json;

KeyConfig key(const std::string& name) {
  KeyConfig config;
  config.name = name;
  config.hash = sha256("rk-" + name);
  return config;
}

Config with_keys(std::vector<KeyConfig> keys) {
  Config config;
  config.keys_file = {"keys.yaml", std::move(keys)};
  return config;
}

SimGateway::BackendSpec backend(const std::string& name, const FakeScript& script = {}) {
  return {.name = name, .endpoints = {script}, .default_model = script.models.front()};
}

FakeScript having(std::vector<std::string> models) {
  FakeScript script;
  script.models = std::move(models);
  return script;
}

std::string bearer(const std::string& name) {
  return "Authorization: Bearer rk-" + name + "\r\n";
}

std::string chat_as(const std::string& name, const std::string& more = "", bool stream = false) {
  std::string request = sim_chat(stream, more);
  return request.insert(request.find("Content-Type"), bearer(name));
}

std::string get_as(const std::string& name, const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: gateway\r\n" + bearer(name) + "\r\n";
}

std::string code_of(const SimRequest& request) {
  const json body = json::parse(request.body(), nullptr, false);
  return body.is_object() ? body.value("/error/code"_json_pointer, "") : "";
}

TEST(Keys, WhoShowsNoneIsToldNothingElse) {
  SimGateway gateway(1, {backend("one")}, with_keys({key("a")}));
  const struct {
    const char* name;
    std::string request;
    int status;
  } cases[] = {
      {"a known key", chat_as("a"), 200},
      {"x-api-key", sim_post("/v1/embeddings", R"({"input":"x"})", "X-API-Key: rk-a\r\n"), 200},
      {"the same twice",
       sim_post("/v1/embeddings", R"({"input":"x"})", "x-api-key: rk-a\r\n" + bearer("a")), 200},
      {"none", sim_chat(false), 401},
      {"an unknown one", chat_as("b"), 401},
      {"two", sim_post("/v1/embeddings", R"({"input":"x"})", "x-api-key: rk-b\r\n" + bearer("a")),
       400},
      {"the hash is no key",
       sim_post("/v1/embeddings", "{}", "x-api-key: " + key_hash_text(sha256("rk-a")) + "\r\n"),
       401},
      {"another operation", sim_get("/v1/models"), 401},
      {"one model", sim_get("/v1/models/fake-model"), 401},
      {"an unknown path", sim_get("/v2/nothing"), 401},
      {"another method", sim_post("/v1/models", "{}"), 401},
      {"another method of what is open", sim_post("/health", "{}"), 401},
      {"an unknown path, with a key", get_as("a", "/v2/nothing"), 404},
      {"another method, with a key", get_as("a", "/v1/embeddings"), 405},
      {"a body too large to be read first",
       "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n", 401},
      {"asking first",
       "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
       "Content-Length: 10\r\n\r\n",
       401},
      {"OPTIONS", "OPTIONS /v1/models HTTP/1.1\r\nHost: h\r\n\r\n", 401},
      {"a preflight",
       "OPTIONS /v1/models HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\n"
       "Access-Control-Request-Method: GET\r\n\r\n",
       204},
      {"a preflight for what is not there",
       "OPTIONS /v2/nothing HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\n"
       "Access-Control-Request-Method: GET\r\n\r\n",
       401},
      {"health", sim_get("/health"), 200},
      {"livez", sim_get("/livez"), 200},
      {"readyz", sim_get("/readyz"), 200},
      {"healthz", sim_get("/-/healthz"), 200},
  };
  for (const auto& c : cases) {
    const auto request = gateway.ask(c.request);
    EXPECT_EQ(request->status(), c.status) << c.name << '\n' << request->body();
    EXPECT_EQ(request->header("www-authenticate"), c.status == 401 ? "Bearer" : "") << c.name;
    if (c.status == 401) {
      EXPECT_EQ(code_of(*request), "invalid_api_key") << c.name;
    }
    EXPECT_FALSE(request->body().contains("rk-")) << c.name;
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Keys, WithoutAFileNobodyIsAsked) {
  SimGateway gateway(1, {backend("one")});
  EXPECT_EQ(gateway.ask(sim_chat(false))->status(), 200);
  EXPECT_EQ(gateway.ask(chat_as("whoever"))->status(), 200);
}

TEST(Keys, AnEmptyFileLetsNobodyIn) {
  SimGateway gateway(1, {backend("one")}, with_keys({}));
  EXPECT_EQ(gateway.ask(sim_chat(false))->status(), 401);
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 401);
}

TEST(Keys, AListHoldsHoweverTheRequestComes) {
  KeyConfig restricted = key("a");
  restricted.models = {"fast", "m"};
  restricted.backends = {"one", "two"};
  Config config = with_keys({restricted, key("free")});
  config.models["fast"] = {
      .candidates = {{"one", "m", 0}, {"three", "m", 0}}, .substitute = false, .in_flight = {}};
  config.models["other"] = {.candidates = {{"one", "m", 0}}, .substitute = false, .in_flight = {}};
  SimGateway gateway(1,
                     {backend("one", having({"m"})), backend("two", having({"m", "secret"})),
                      backend("three", having({"m", "secret"}))},
                     config);
  gateway.refuse("one");
  const struct {
    const char* name;
    std::string members;
    int status;
    std::string backend;  // that of the answer
  } cases[] = {
      {"its model fails over inside", R"("model":"m",)", 200, "two"},
      {"a route does not fail over to the outside", R"("model":"fast",)", 503, ""},
      {"another route", R"("model":"other",)", 403, ""},
      {"another model", R"("model":"secret",)", 403, ""},
      {"an unknown model", R"("model":"nonsense",)", 403, ""},
      {"another backend", R"("model":"m","backend":"three",)", 403, ""},
      {"a backend of its own", R"("model":"m","backend":"two",)", 200, "two"},
  };
  for (const auto& c : cases) {
    const auto request = gateway.ask(chat_as("a", c.members));
    EXPECT_EQ(request->status(), c.status) << c.name << '\n' << request->body();
    EXPECT_EQ(request->header("x-rocket-backend"), c.backend) << c.name;
    if (c.status == 403) {
      EXPECT_EQ(code_of(*request), "forbidden") << c.name;
    }
  }
  EXPECT_EQ(gateway.fake("three").counters().in_flight, 0U);
  EXPECT_EQ(gateway.ask(chat_as("free", R"("model":"fast",)"))->header("x-rocket-backend"),
            "three");
}

TEST(Keys, ModelsAreListedAsFarAsTheyMayBeUsed) {
  KeyConfig restricted = key("a");
  restricted.models = {"m*"};
  restricted.backends = {"two"};
  SimGateway gateway(1, {backend("one", having({"m1", "m2"})), backend("two", having({"m2", "x"}))},
                     with_keys({restricted, key("free")}));
  const auto ids = [&](const std::string& name) {
    std::string text;
    const auto body = json::parse(gateway.ask(get_as(name, "/v1/models"))->body());
    for (const auto& model : body["data"])
      text += model["id"].get<std::string>() + "@" + model["owned_by"].get<std::string>() + " ";
    return text;
  };
  EXPECT_EQ(ids("free"), "m1@one m2@one x@two ");
  EXPECT_EQ(ids("a"), "m2@two ");
  EXPECT_EQ(gateway.ask(get_as("a", "/v1/models/m2"))->status(), 200);
  EXPECT_EQ(gateway.ask(get_as("a", "/v1/models/m1"))->status(), 404);
  EXPECT_EQ(gateway.ask(get_as("a", "/v1/models/x"))->status(), 404);
  EXPECT_EQ(gateway.ask(get_as("free", "/v1/models/x"))->status(), 200);
}

TEST(Keys, RequestsPerMinute) {
  KeyConfig limited = key("a");
  limited.rpm = 2;
  SimGateway gateway(1, {backend("one")}, with_keys({limited, key("free")}));
  const auto first = gateway.ask(chat_as("a"));
  EXPECT_EQ(first->status(), 200);
  EXPECT_EQ(first->header("x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(first->header("x-ratelimit-remaining-requests"), "1");
  EXPECT_FALSE(first->header("x-ratelimit-reset-requests").empty());
  EXPECT_EQ(first->header("x-ratelimit-limit-tokens"), "");
  EXPECT_EQ(gateway.ask(get_as("a", "/v1/models"))->header("x-ratelimit-limit-requests"), "");
  const auto streamed = gateway.ask(chat_as("a", "", true));
  EXPECT_EQ(streamed->status(), 200);
  EXPECT_EQ(streamed->header("x-ratelimit-remaining-requests"), "0");

  const auto refused = gateway.ask(chat_as("a"));
  EXPECT_EQ(refused->status(), 429);
  EXPECT_EQ(code_of(*refused), "rate_limit_exceeded");
  EXPECT_EQ(refused->header("x-ratelimit-remaining-requests"), "0");
  const int wait = std::stoi(refused->header("retry-after"));
  EXPECT_GT(wait, 25);
  EXPECT_LE(wait, 30);
  EXPECT_EQ(gateway.ask(chat_as("free"))->status(), 200);
  gateway.loop.run_for(std::chrono::seconds(wait));
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 200) << "Retry-After is true";
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 429);
}

TEST(Keys, TokensPerMinuteAreSettledWithTheUsage) {
  KeyConfig limited = key("a");
  limited.tpm = 1000;
  SimGateway gateway(1, {backend("one")}, with_keys({limited}));
  const auto remaining = [&](const SimRequest& request) {
    return std::stoi(request.header("x-ratelimit-remaining-tokens"));
  };
  // 900 are reserved; what it used is known when it has ended.
  const auto first = gateway.ask(chat_as("a", R"("max_tokens":880,)"));
  ASSERT_EQ(first->status(), 200);
  EXPECT_LT(remaining(*first), 120);
  const auto second = gateway.ask(chat_as("a", R"("max_tokens":1,)"));
  ASSERT_EQ(second->status(), 200);
  EXPECT_GT(remaining(*second), 900);
  // A failure uses nothing.
  gateway.refuse("one");
  EXPECT_EQ(gateway.ask(chat_as("a", R"("max_tokens":880,)"))->status(), 503);
  EXPECT_EQ(gateway.ask(chat_as("a", R"("max_tokens":880,)"))->status(), 503);
  EXPECT_EQ(gateway.leftovers(), "");
}

// Not every server tells of a stream what it was asked with, and none of one that it breaks off.
TEST(Keys, APromptThatNobodyHasCountedIsNotFree) {
  KeyConfig limited = key("a");
  limited.tpm = 1000;
  SimGateway gateway(1, {backend("one")}, with_keys({limited}));
  const std::string prompt = R"("user":")" + std::string(2000, 'x') + R"(",)";
  const auto cut =
      gateway.ask(chat_as("a", prompt + R"("fake":{"fault":"end_mid_stream"},)", true));
  ASSERT_EQ(cut->status(), 200);
  ASSERT_FALSE(cut->body().contains("[DONE]"));
  const auto next = gateway.ask(chat_as("a"));
  EXPECT_LT(std::stoi(next->header("x-ratelimit-remaining-tokens")), 500);
}

// Who hangs up just before the end has been told nearly all of it.
TEST(Keys, AStreamThatItsClientLeavesIsPaidForAsFarAsItCame) {
  KeyConfig limited = key("a");
  limited.tpm = 1000;
  FakeScript wordy;
  wordy.tokens = 300;
  wordy.event_delay = 10ms;
  SimGateway gateway(1, {backend("one", wordy)}, with_keys({limited}));
  const auto left = gateway.send(chat_as("a", "", true));
  gateway.loop.run_for(2500ms);
  ASSERT_EQ(left->status(), 200);
  left->abort();
  gateway.loop.run_for(100ms);
  gateway.fake("one").script().tokens = 1;
  const auto next = gateway.ask(chat_as("a"));
  EXPECT_LT(std::stoi(next->header("x-ratelimit-remaining-tokens")), 850);
  EXPECT_GT(std::stoi(next->header("x-ratelimit-remaining-tokens")), 700);
}

TEST(Keys, MoreTokensThanThereAreArePaidOff) {
  KeyConfig limited = key("a");
  limited.tpm = 60;
  FakeScript wordy;
  wordy.tokens = 200;
  SimGateway gateway(1, {backend("one", wordy)}, with_keys({limited}));
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 200)
      << "more than a minute's worth is let through";
  const auto refused = gateway.ask(chat_as("a"));
  EXPECT_EQ(refused->status(), 429);
  const int wait = std::stoi(refused->header("retry-after"));
  EXPECT_GT(wait, 120) << "and has to be made good";
  gateway.loop.run_for(std::chrono::seconds(wait));
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 200);
}

TEST(Keys, ConcurrentRequestsEndInEveryWay) {
  KeyConfig limited = key("a");
  limited.concurrent = 2;
  const std::string slow = R"("fake":{"head_delay_ms":5000},)";
  SimGateway gateway(1, {backend("one")}, with_keys({limited}));
  const auto first = gateway.send(chat_as("a", slow));
  const auto second = gateway.send(chat_as("a", slow, true));
  gateway.loop.run_for(1s);
  const auto refused = gateway.ask(chat_as("a"));
  EXPECT_EQ(refused->status(), 429);
  EXPECT_EQ(code_of(*refused), "rate_limit_exceeded");
  EXPECT_EQ(refused->header("retry-after"), "1");
  EXPECT_EQ(refused->header("x-rocket-limit"), "concurrent=2");
  // The client that hangs up makes room as well as the one that is answered.
  first->abort();
  gateway.loop.run_for(1s);
  const auto third = gateway.send(chat_as("a", slow));
  gateway.finish(*second);
  gateway.finish(*third);
  EXPECT_EQ(second->status(), 200);
  EXPECT_EQ(third->status(), 200);
  EXPECT_EQ(gateway.leftovers(), "");
  EXPECT_EQ(gateway.control.snapshot()->keys->find("rk-a")->limits->in_flight(), 0U);
}

TEST(Keys, AReloadKeepsWhatAnUnchangedKeyHasUsed) {
  KeyConfig limited = key("a");
  limited.rpm = 1;
  SimGateway gateway(1, {backend("one")}, with_keys({limited}));
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 200);
  Config again = gateway.control.snapshot()->config;
  again.keys_file.keys.push_back(key("b"));
  ASSERT_TRUE(gateway.control.apply(again));
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 429);
  EXPECT_EQ(gateway.ask(chat_as("b"))->status(), 200);
  again.keys_file.keys[0].rpm = 2;
  ASSERT_TRUE(gateway.control.apply(again));
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 200) << "other limits begin anew";
  again.keys_file.keys.erase(again.keys_file.keys.begin());
  ASSERT_TRUE(gateway.control.apply(again));
  EXPECT_EQ(gateway.ask(chat_as("a"))->status(), 401);
}

// A request that is under way ends as the one it began as.
TEST(Keys, AKeyThatIsTakenAwayLetsItsRequestsEnd) {
  const std::string slow = R"("fake":{"head_delay_ms":5000},)";
  KeyConfig limited = key("a");
  limited.tpm = 1000;
  SimGateway gateway(1, {backend("one")}, with_keys({limited}));
  const auto request = gateway.send(chat_as("a", slow));
  gateway.loop.run_for(1s);
  Config without = gateway.control.snapshot()->config;
  without.keys_file.keys.clear();
  ASSERT_TRUE(gateway.control.apply(without));
  gateway.finish(*request);
  EXPECT_EQ(request->status(), 200);
  EXPECT_EQ(gateway.leftovers(), "");
}

}  // namespace
}  // namespace rocket
