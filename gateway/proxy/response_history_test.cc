#include "proxy/response_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"
#include "wire/sse.h"

// Responses that clients come back to, on the real request path.
namespace rocket {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* path = "/v1/responses";

SimGateway::BackendSpec backend(BackendKind kind = BackendKind::openai, FakeScript script = {}) {
  script.kind = kind == BackendKind::anthropic ? FakeKind::anthropic : FakeKind::llama_cpp;
  return {
      .name = "one", .endpoints = {std::move(script)}, .default_model = "fake-model", .kind = kind};
}

KeyConfig key(const std::string& name, std::vector<std::string> models = {}) {
  KeyConfig config;
  config.name = name;
  config.hash = sha256("rk-" + name);
  config.models = std::move(models);
  return config;
}

std::string bearer(const std::string& name) {
  return name.empty() ? "" : "Authorization: Bearer rk-" + name + "\r\n";
}

std::string request(const std::string& method, const std::string& target,
                    const std::string& name = "") {
  return method + " " + target + " HTTP/1.1\r\nHost: gateway\r\n" + bearer(name) + "\r\n";
}

// One client, who remembers the last response.
struct Client {
  SimGateway& gateway;
  std::string name{};

  // `more` are members of the body besides model and input.
  std::unique_ptr<SimRequest> ask(const json& input, const json& more = json::object()) const {
    json body = {{"model", "fake-model"}, {"input", input}};
    body.update(more);
    return gateway.ask(sim_post(path, body.dump(), bearer(name)));
  }
  // The response, of a stream its last event's.
  json respond(const json& input, const json& more = json::object()) const {
    const auto asked = ask(input, more);
    EXPECT_EQ(asked->status(), 200) << asked->body();
    if (!more.value("stream", false)) return json::parse(asked->body());
    json last;
    SseSplitter splitter(1U << 24U);
    EXPECT_TRUE(splitter.feed(asked->body(), [&](const SseEvent& event) {
      if (!event.data.empty()) last = json::parse(event.data);
    }));
    return last["response"];
  }
  std::unique_ptr<SimRequest> get(const std::string& target) const {
    return gateway.ask(request("GET", path + ("/" + target), name));
  }
  json list(const std::string& id, const std::string& query = "?order=asc") const {
    const auto got = get(id + "/input_items" + query);
    EXPECT_EQ(got->status(), 200) << got->body();
    return json::parse(got->body());
  }
  int remove(const std::string& id) const {
    return gateway.ask(request("DELETE", path + ("/" + id), name))->status();
  }
};

std::string id_of(const json& response) {
  return response["id"];
}

json after(const json& response, json more = json::object()) {
  more["previous_response_id"] = response["id"];
  return more;
}

std::string code_of(const SimRequest& asked) {
  const json body = json::parse(asked.body(), nullptr, false);
  return body.is_object() ? body.value("/error/code"_json_pointer, "") : "";
}

// The body of what the backend was asked last.
json last_asked(SimGateway& gateway) {
  const auto& requests = gateway.fake("one").recorder().requests();
  const auto last = std::ranges::find_if(requests.rbegin(), requests.rend(), [](const auto& one) {
    return one.head.starts_with("POST");
  });
  return last == requests.rend() ? json() : json::parse(last->body);
}

// Role and text of each message.
std::string asked_of(SimGateway& gateway) {
  const json body = last_asked(gateway);
  std::string said;
  for (const json& message : body["messages"])
    said += message["role"].get<std::string>() + ":" + message["content"].get<std::string>() + "|";
  return said;
}

std::string leftovers(SimGateway& gateway) {
  std::string left = gateway.leftovers();
  const auto& store = gateway.control.snapshot()->responses;
  if (store && store->held_bytes() != store->kept_bytes()) left += "bytes of responses";
  return left;
}

TEST(StoredResponses, WhatTheClientGotCanBeGotAgain) {
  for (const BackendKind kind : {BackendKind::openai, BackendKind::anthropic}) {
    for (const bool stream : {false, true}) {
      SimGateway gateway(1, {backend(kind)});
      const Client client{gateway};
      const json response = client.respond("hi", {{"stream", stream}, {"max_output_tokens", 50}});
      EXPECT_EQ(response["store"], true);
      EXPECT_EQ(response["previous_response_id"], nullptr);
      const auto got = client.get(id_of(response));
      EXPECT_EQ(got->status(), 200) << got->body();
      EXPECT_EQ(json::parse(got->body()), response);
      EXPECT_EQ(got->header("content-type"), "application/json");
      const json items = client.list(id_of(response));
      ASSERT_EQ(items["data"].size(), 1U);
      EXPECT_EQ(items["data"][0]["content"][0]["text"], "hi");
      EXPECT_EQ(leftovers(gateway), "");

      EXPECT_EQ(client.remove(id_of(response)), 200);
      EXPECT_EQ(code_of(*client.get(id_of(response))), "response_not_found");
      EXPECT_EQ(client.remove(id_of(response)), 404);
    }
  }
}

TEST(StoredResponses, AConversationGoesOnWithoutBeingSentAgain) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(1, {backend()});
    const Client client{gateway};
    const std::string said = "assistant:" + fake_text(gateway.fake("one").script()) + "|";
    const json first = client.respond("one", {{"stream", stream}, {"instructions", "be brief"}});
    EXPECT_EQ(asked_of(gateway), "system:be brief|user:one|");
    const json second = client.respond("two", after(first, {{"stream", stream}}));
    EXPECT_EQ(asked_of(gateway), "user:one|" + said + "user:two|") << "no instructions";
    EXPECT_EQ(second["previous_response_id"], first["id"]);
    const json item = {{"role", "user"}, {"content", "three"}};
    const json third = client.respond(
        json::array({item}), after(second, {{"stream", stream}, {"instructions", "be long"}}));
    EXPECT_EQ(asked_of(gateway),
              "system:be long|user:one|" + said + "user:two|" + said + "user:three|");
    // A conversation can go on from anywhere.
    client.respond("other", after(first));
    EXPECT_EQ(asked_of(gateway), "user:one|" + said + "user:other|");

    const json items = client.list(id_of(third))["data"];
    ASSERT_EQ(items.size(), 5U);
    EXPECT_EQ(items[1], first["output"][0]);
    EXPECT_EQ(items[4]["content"][0]["text"], "three");
    EXPECT_EQ(leftovers(gateway), "");
  }
}

TEST(StoredResponses, AToolsResultComesWithTheNextTurn) {
  SimGateway gateway(1, {backend(BackendKind::anthropic)});
  const Client client{gateway};
  const json tool = {{"type", "function"}, {"name", "f"}, {"parameters", json::object()}};
  const json tools = json::array({tool});
  const json called =
      client.respond("hi", {{"tools", tools}, {"tool_choice", "required"}, {"store", true}});
  const json& call = called["output"].back();
  ASSERT_EQ(call["type"], "function_call") << called;
  const json result = {
      {"type", "function_call_output"}, {"call_id", call["call_id"]}, {"output", "42"}};
  const json last = client.respond(json::array({result}), after(called, {{"tools", tools}}));
  const json sent = last_asked(gateway);
  ASSERT_EQ(sent["messages"].size(), 3U) << sent;
  EXPECT_EQ(sent["messages"][1]["content"].back()["type"], "tool_use");
  EXPECT_EQ(sent["messages"][2]["content"][0]["tool_use_id"],
            sent["messages"][1]["content"].back()["id"]);
  EXPECT_EQ(client.list(id_of(last))["data"].back()["output"], "42");
}

TEST(StoredResponses, AnItemCanBeReferredTo) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(1, {backend()});
    const Client client{gateway};
    const std::string said = "assistant:" + fake_text(gateway.fake("one").script()) + "|";
    const json first = client.respond("one");
    const json reference = {{"type", "item_reference"}, {"id", first["output"][0]["id"]}};
    const json user = {{"role", "user"}, {"content", "two"}};
    const json second = client.respond(json::array({reference, user}), {{"stream", stream}});
    EXPECT_EQ(asked_of(gateway), said + "user:two|");
    // What is kept stands by itself.
    EXPECT_EQ(client.remove(id_of(first)), 200);
    client.respond("three", after(second));
    EXPECT_EQ(asked_of(gateway), said + "user:two|" + said + "user:three|");

    const auto unknown = client.ask(json::array({reference}));
    EXPECT_EQ(unknown->status(), 404);
    const json own = {{"type", "item_reference"}, {"id", second["output"][0]["id"]}};
    const auto twice = client.ask(json::array({own}), after(second));
    EXPECT_EQ(twice->status(), 400);
    EXPECT_TRUE(twice->body().contains("Duplicate item")) << twice->body();
    const auto repeated = client.ask(json::array({own, user, own}));
    EXPECT_EQ(repeated->status(), 400);
    EXPECT_TRUE(repeated->body().contains("Duplicate item")) << repeated->body();
    EXPECT_EQ(leftovers(gateway), "");
  }
}

TEST(StoredResponses, WhatIsNotKeptIsNotFound) {
  SimGateway gateway(1, {backend()});
  const Client client{gateway};
  const json unstored = client.respond("hi", {{"store", false}});
  EXPECT_EQ(unstored["store"], false);
  for (const std::string& id : {id_of(unstored), std::string("resp_1"), std::string("x")}) {
    for (const bool stream : {false, true}) {
      const auto asked = client.ask("hi", {{"previous_response_id", id}, {"stream", stream}});
      EXPECT_EQ(asked->status(), 400);
      const json error = json::parse(asked->body())["error"];
      EXPECT_EQ(error["code"], "previous_response_not_found");
      EXPECT_EQ(error["type"], "invalid_request_error");
      EXPECT_EQ(error["param"], "previous_response_id");
      EXPECT_TRUE(error["message"].get<std::string>().starts_with("Previous response with id '" +
                                                                  id + "' not found"));
    }
    EXPECT_EQ(client.get(id)->status(), 404);
    EXPECT_EQ(client.get(id + "/input_items")->status(), 404);
    EXPECT_EQ(client.remove(id), 404);
  }
  EXPECT_EQ(client.ask("hi", {{"previous_response_id", 7}})->status(), 400);
  EXPECT_EQ(client.respond("hi", {{"previous_response_id", nullptr}})["store"], true);
}

TEST(StoredResponses, OnlyWhatEndedWellIsKept) {
  for (const Fault fault :
       {Fault::reset_mid_stream, Fault::end_mid_stream, Fault::error_event_mid_stream}) {
    FakeScript script;
    script.fault = fault;
    script.at = 5;
    script.tokens = 12;
    script.event_delay = 10ms;
    SimGateway gateway(1, {backend(BackendKind::openai, script)});
    const Client client{gateway};
    const auto asked = client.ask("hi", {{"stream", true}});
    EXPECT_EQ(asked->status(), 200);
    EXPECT_EQ(gateway.control.snapshot()->responses->size(), 0U) << to_string(fault);
    EXPECT_EQ(leftovers(gateway), "");
  }
}

TEST(StoredResponses, AClientThatLeavesLeavesNothing) {
  FakeScript script;
  script.event_delay = 100ms;
  script.tokens = 50;
  SimGateway gateway(1, {backend(BackendKind::openai, script)});
  const auto asked =
      gateway.send(sim_post(path, R"({"model":"fake-model","input":"hi","stream":true})"));
  gateway.loop.run_for(1s);
  EXPECT_GT(gateway.control.snapshot()->responses->held_bytes(), 0U) << "what it was asked";
  asked->abort();
  EXPECT_EQ(leftovers(gateway), "");
  EXPECT_EQ(gateway.control.snapshot()->responses->size(), 0U);
}

// The client may have the end of a response before anything else happens here.
TEST(StoredResponses, TheNextRequestMayFollowAtOnce) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(1, {backend()});
    const json body = {{"model", "fake-model"}, {"input", "hi"}, {"stream", stream}};
    const auto asked = gateway.send(sim_post(path, body.dump()));
    const auto& store = gateway.control.snapshot()->responses;
    const char* const last = stream ? "response.completed" : "\"completed\"";
    while (!asked->ended() && !asked->body().contains(last))
      gateway.loop.run_for(1us);
    EXPECT_EQ(store->size(), 1U);
    gateway.finish(*asked);
  }
}

TEST(StoredResponses, BelongToTheKeyThatAskedForThem) {
  Config config;
  config.keys_file = {"keys.yaml", {key("a"), key("b")}};
  SimGateway gateway(1, {backend()}, config);
  const Client a{gateway, "a"};
  const Client b{gateway, "b"};
  const json response = a.respond("hi");
  EXPECT_EQ(b.get(id_of(response))->status(), 404);
  EXPECT_EQ(b.get(id_of(response) + "/input_items")->status(), 404);
  EXPECT_EQ(b.remove(id_of(response)), 404);
  EXPECT_EQ(code_of(*b.ask("hi", after(response))), "previous_response_not_found");
  const json reference = {{"type", "item_reference"}, {"id", response["output"][0]["id"]}};
  EXPECT_EQ(b.ask(json::array({reference}))->status(), 404);
  EXPECT_EQ(gateway.ask(request("GET", path + ("/" + id_of(response))))->status(), 401);
  EXPECT_EQ(a.get(id_of(response))->status(), 200);

  // What a key may not ask for any more, it may still read, and go on from elsewhere.
  Config narrowed = gateway.control.snapshot()->config;
  narrowed.keys_file.keys = {key("a", {"other-*"}), key("b")};
  ASSERT_TRUE(gateway.control.apply(narrowed));
  EXPECT_EQ(a.get(id_of(response))->status(), 200);
  EXPECT_NE(a.ask("hi", after(response))->status(), 200) << "the model is not its any more";
  // A new key under an old name is another key.
  narrowed.keys_file.keys = {key("a")};
  narrowed.keys_file.keys[0].hash = sha256("rk-new");
  ASSERT_TRUE(gateway.control.apply(narrowed));
  EXPECT_EQ((Client{gateway, "new"}.get(id_of(response))->status()), 404);
}

TEST(StoredResponses, AreForgottenInTime) {
  SimGateway gateway(1, {backend()});
  const Client client{gateway};
  const json first = client.respond("hi");
  gateway.loop.run_for(50min);
  const json second = client.respond("hi", after(first));
  gateway.loop.run_for(50min);
  EXPECT_EQ(client.get(id_of(first))->status(), 200) << "it was asked for meanwhile";
  gateway.loop.run_for(61min);
  EXPECT_EQ(gateway.control.snapshot()->responses->size(), 0U) << "without being asked";
  EXPECT_EQ(code_of(*client.ask("hi", after(second))), "previous_response_not_found");
}

TEST(StoredResponses, TakeNoMoreRoomThanThereIs) {
  Config config;
  config.responses.bytes = 20_KiB;
  SimGateway gateway(1, {backend()}, config);
  const Client client{gateway};
  const auto& store = gateway.control.snapshot()->responses;
  const json first = client.respond(std::string(5000, 'x'));
  json last = first;
  for (int i = 0; i < 5; ++i) {
    last = client.respond("and", after(last, {{"stream", i % 2 == 0}}));
    EXPECT_LE(store->held_bytes(), config.responses.bytes.bytes);
  }
  for (int i = 0; i < 3; ++i)
    client.respond(std::string(5000, 'y'));
  EXPECT_LE(store->held_bytes(), config.responses.bytes.bytes);
  EXPECT_EQ(client.get(id_of(first))->status(), 404);
  const auto broken = client.ask("and", after(last));
  EXPECT_EQ(code_of(*broken), "previous_response_not_found");
  // What is larger than all of it is answered, and not kept.
  for (const bool stream : {false, true}) {
    const json large = client.respond(std::string(30'000, 'z'), {{"stream", stream}});
    EXPECT_EQ(large["status"], "completed");
    EXPECT_EQ(client.get(id_of(large))->status(), 404);
  }
  EXPECT_EQ(leftovers(gateway), "");
}

TEST(StoredResponses, AConversationHasAnEnd) {
  Config config;
  config.responses.turns = 3;
  config.limits.body_bytes = 4_KiB;
  SimGateway gateway(1, {backend()}, config);
  const Client client{gateway};
  json last = client.respond("1");
  last = client.respond("2", after(last));
  last = client.respond("3", after(last));
  const auto fourth = client.ask("4", after(last));
  EXPECT_EQ(fourth->status(), 400);
  EXPECT_TRUE(fourth->body().contains("responses.turns")) << fourth->body();
  // All of it together is no larger than what could be sent at once.
  last = client.respond(std::string(3000, 'x'));
  const auto large = client.ask(std::string(3000, 'x'), after(last));
  EXPECT_EQ(large->status(), 413);
  EXPECT_TRUE(large->body().contains("limits.body_bytes")) << large->body();
}

// A short text may hold many, and each takes a hundred times its memory.
TEST(StoredResponses, AConversationHasNoMoreValuesThanARequest) {
  SimGateway gateway(1, {backend()});
  const Client client{gateway};
  json content(json::array_t(130'000, json(1)));
  content.push_back({{"type", "input_text"}, {"text", "hi"}});
  const json user = {{"role", "user"}, {"content", content}};
  const json first = client.respond(json::array({user}));
  const json second = client.respond(json::array({user}), after(first));
  const auto third = client.ask("hi", after(second));
  EXPECT_EQ(third->status(), 413);
  EXPECT_TRUE(third->body().contains("members and elements")) << third->body();
  const json list = client.list(id_of(second), "?limit=1");
  const json reference = {{"type", "item_reference"}, {"id", list["first_id"]}};
  EXPECT_EQ(client.ask(json::array({reference, user}))->status(), 200);
  EXPECT_EQ(leftovers(gateway), "");
}

TEST(StoredResponses, AReloadKeepsThemAndSwitchingOffForgetsThem) {
  SimGateway gateway(1, {backend()});
  const Client client{gateway};
  const json response = client.respond("hi");
  Config config = gateway.control.snapshot()->config;
  config.heartbeat = 3s;
  ASSERT_TRUE(gateway.control.apply(config));
  EXPECT_EQ(client.get(id_of(response))->status(), 200);

  config.responses.store = false;
  ASSERT_TRUE(gateway.control.apply(config));
  const std::vector<std::unique_ptr<SimRequest>> refused = [&] {
    std::vector<std::unique_ptr<SimRequest>> all;
    all.push_back(client.get(id_of(response)));
    all.push_back(client.get(id_of(response) + "/input_items"));
    all.push_back(gateway.ask(request("DELETE", path + ("/" + id_of(response)))));
    all.push_back(client.ask("hi", after(response)));
    return all;
  }();
  for (const auto& asked : refused) {
    EXPECT_EQ(asked->status(), 400);
    EXPECT_TRUE(asked->body().contains("responses.store")) << asked->body();
  }
  EXPECT_EQ(client.respond("hi")["store"], false);
  const auto wished = client.ask("hi", {{"store", true}});
  EXPECT_EQ(wished->header("x-rocket-translation"), "dropped=store");

  config.responses.store = true;
  ASSERT_TRUE(gateway.control.apply(config));
  EXPECT_EQ(client.get(id_of(response))->status(), 404) << "they were forgotten";
}

// Clients give their requests what ids they like.
TEST(StoredResponses, NoTwoShareAnId) {
  SimGateway gateway(1, {backend()});
  const std::string body = R"({"model":"fake-model","input":"hi"})";
  const auto one = gateway.ask(sim_post(path, body, "x-request-id: same\r\n"));
  const auto other = gateway.ask(sim_post(path, body, "x-request-id: same\r\n"));
  EXPECT_NE(json::parse(one->body())["id"], json::parse(other->body())["id"]);
  EXPECT_EQ(gateway.control.snapshot()->responses->size(), 2U);
}

TEST(StoredResponses, AListComesInPages) {
  SimGateway gateway(1, {backend()});
  const Client client{gateway};
  json items = json::array();
  for (int i = 0; i < 25; ++i)
    items.push_back({{"role", "user"}, {"content", std::to_string(i)}});
  const std::string id = id_of(client.respond(items));
  const json newest = client.list(id, "");
  EXPECT_EQ(newest["data"].size(), 20U);
  EXPECT_EQ(newest["data"][0]["content"][0]["text"], "24");
  EXPECT_EQ(newest["has_more"], true);
  const json rest = client.list(id, "?after=" + newest["last_id"].get<std::string>());
  EXPECT_EQ(rest["data"].size(), 5U);
  EXPECT_EQ(rest["has_more"], false);
  EXPECT_EQ(client.list(id, "?limit=2&order=asc")["data"][1]["content"][0]["text"], "1");
  for (const char* query : {"?limit=0", "?limit=101", "?limit=x", "?order=up", "?after=none"}) {
    const auto got = client.get(id + "/input_items" + query);
    EXPECT_EQ(got->status(), 400) << query;
    EXPECT_EQ(code_of(*got), "invalid_field") << query;
  }
  EXPECT_EQ(client.get(id + "?stream=true")->status(), 400);
  EXPECT_EQ(client.get(id + "?stream=false")->status(), 200);
  EXPECT_EQ(gateway.ask(request("POST", path + ("/" + id)))->status(), 405);
}

// What nobody answers that way is refused as before.
TEST(StoredResponses, WhatIsNotServedIsSaid) {
  SimGateway gateway(1, {backend()});
  const Client client{gateway};
  for (const json& more : {json{{"background", true}}, json{{"conversation", "conv_1"}},
                           json{{"prompt", {{"id", "p"}}}}}) {
    const auto asked = client.ask("hi", more);
    EXPECT_EQ(asked->status(), 400);
    EXPECT_TRUE(asked->body().contains(more.begin().key())) << asked->body();
  }
}

}  // namespace
}  // namespace rocket
