#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"

// What a response continues is part of what its model has to be able to take.
namespace rocket {
namespace {

using nlohmann::json;

SimGateway::BackendSpec serving(const char* model, FakeScript script) {
  script.kind = FakeKind::ollama;
  script.models = {model};
  script.loaded = {model};
  return {.name = model,
          .endpoints = {std::move(script)},
          .default_model = "",
          .kind = BackendKind::ollama};
}

std::unique_ptr<SimRequest> ask(SimGateway& gateway, const json& body) {
  return gateway.ask(sim_post("/v1/responses", body.dump()));
}

std::string respond(SimGateway& gateway, const json& body) {
  const auto asked = ask(gateway, body);
  EXPECT_EQ(asked->status(), 200) << asked->body();
  return json::parse(asked->body())["id"];
}

std::string code_of(const SimRequest& asked) {
  const json body = json::parse(asked.body(), nullptr, false);
  return body.is_object() ? body.value("/error/code"_json_pointer, "") : "";
}

json saying(size_t characters, const std::string& after = "") {
  json body = {{"model", "m"}, {"input", std::string(characters, 'a')}};
  if (!after.empty()) body["previous_response_id"] = after;
  return body;
}

TEST(ResponseContext, WhatIsContinuedIsCounted) {
  FakeScript script;
  script.context = 2048;
  SimGateway gateway(1, {serving("m", script)});
  const std::string brief = respond(gateway, saying(10'000));
  EXPECT_EQ(ask(gateway, saying(10, brief))->header("x-rocket-warning"), "");
  const std::string lengthy = respond(gateway, saying(40'000));
  const auto warned = ask(gateway, saying(10, lengthy));
  EXPECT_EQ(warned->status(), 200) << warned->body();
  EXPECT_TRUE(warned->header("x-rocket-warning").contains("context of 2048 tokens"));
  const std::string two = respond(gateway, saying(20'000, lengthy));
  const std::uint64_t before = gateway.fake("m").counters().requests;
  const auto refused = ask(gateway, saying(10'000, two));
  EXPECT_EQ(refused->status(), 400);
  EXPECT_EQ(code_of(*refused), "context_length_exceeded");
  EXPECT_EQ(gateway.fake("m").counters().requests, before);
}

TEST(ResponseContext, WhatIsReferredToIsCounted) {
  FakeScript script;
  script.context = 2048;
  script.answer_bytes = 40'000;
  SimGateway gateway(1, {serving("m", script)});
  const auto first = ask(gateway, saying(10));
  ASSERT_EQ(first->status(), 200) << first->body();
  const json item = json::parse(first->body())["output"][0];
  const json reference = {{"type", "item_reference"}, {"id", item["id"]}};
  const auto warned = ask(gateway, {{"model", "m"}, {"input", json::array({reference})}});
  EXPECT_EQ(warned->status(), 200) << warned->body();
  EXPECT_TRUE(warned->header("x-rocket-warning").contains("context of 2048 tokens"));
}

TEST(ResponseContext, ImagesOfWhatIsContinuedNeedAModelThatSees) {
  FakeScript blind;
  blind.abilities.emplace();
  FakeScript seeing;
  seeing.abilities = {"vision"};
  SimGateway gateway(1, {serving("m", blind), serving("s", seeing)});
  const json image = {{"type", "input_image"}, {"image_url", "data:image/png;base64,iVBORw0KGgo="}};
  const json message = {{"role", "user"}, {"content", json::array({image})}};
  const std::string id = respond(gateway, {{"model", "s"}, {"input", json::array({message})}});
  const auto refused = ask(gateway, saying(10, id));
  EXPECT_EQ(refused->status(), 400);
  EXPECT_EQ(code_of(*refused), "capability_missing");
  json seen = saying(10, id);
  seen["model"] = "s";
  EXPECT_EQ(ask(gateway, seen)->status(), 200);
}

}  // namespace
}  // namespace rocket
