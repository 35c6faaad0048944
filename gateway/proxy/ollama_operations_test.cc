#include "proxy/ollama_operations.h"

#include <gtest/gtest.h>

#include "testing/dialect_clients.h"

namespace rocket {
namespace {

// What an Ollama tells of its models comes through; who else has them tells less.
TEST(OllamaOperations, OllamasModelsAreShownAsTheirServerShowsThem) {
  SimGateway gateway(1, {backend(Upstream{FakeKind::ollama, BackendKind::ollama, Dialect::chat})});
  const json tag = json::parse(gateway.ask(sim_get("/api/tags"))->body())["models"][0];
  EXPECT_EQ(tag["size"], 104'857'600);
  EXPECT_EQ(tag["digest"], std::string(64, 'd'));
  EXPECT_EQ(tag["modified_at"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(tag["details"]["parameter_size"], "135M");
  gateway.fake("one").recorder().clear();
  const auto shown = gateway.ask(sim_post("/api/show", R"({"name":"fake-model"})"));
  ASSERT_EQ(shown->status(), 200);
  const RecordedRequest& asked = gateway.fake("one").recorder().requests().back();
  EXPECT_TRUE(asked.head.starts_with("POST /api/show ")) << asked.head;
  EXPECT_EQ(json::parse(asked.body)["model"], "fake-model");
  EXPECT_TRUE(json::parse(shown->body()).contains("model_info")) << shown->body();
  EXPECT_EQ(gateway.leftovers(), "");
}

// Each use puts it off, so that it is asked for anew; and who has gone meanwhile has gone.
TEST(OllamaOperations, WhenAModelIsUnloadedIsToldByItsServer) {
  const Upstream ollama{FakeKind::ollama, BackendKind::ollama, Dialect::chat};
  FakeScript script;
  script.models = {"fake-model", "other"};
  script.loaded = {"fake-model"};
  SimGateway gateway(1, {backend(ollama, script)});
  const auto loaded = [&] {
    return json::parse(gateway.ask(sim_get("/api/ps"))->body())["models"];
  };
  gateway.fake("one").recorder().clear();
  json models = loaded();
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0]["model"], "fake-model");
  EXPECT_EQ(models[0]["expires_at"], "2036-01-01T00:00:00Z");
  const auto& asked = gateway.fake("one").recorder().requests();
  ASSERT_FALSE(asked.empty());
  EXPECT_TRUE(asked.back().head.starts_with("GET /api/ps ")) << asked.back().head;
  gateway.fake("one").script().loaded.clear();
  EXPECT_EQ(loaded().size(), 0U);
  EXPECT_EQ(gateway.leftovers(), "");
}

// Where nobody knows of loading, there is nothing to do for it.
TEST(OllamaOperations, WhoAsksForALoadedModelIsToldThatItIs) {
  SimGateway gateway(1, {backend(upstreams[0])});
  for (const auto& [path, more] :
       {std::pair("/api/generate", ""), std::pair("/api/generate", R"(,"prompt":"")"),
        std::pair("/api/chat", R"(,"messages":[])")}) {
    const auto request =
        gateway.ask(sim_post(path, R"({"model":"fake-model")" + std::string(more) + "}"));
    ASSERT_EQ(request->status(), 200) << request->body();
    EXPECT_EQ(json::parse(request->body())["done_reason"], "load");
  }
}

TEST(OllamaOperations, ModelsAreNotManagedThroughTheGateway) {
  SimGateway gateway(1, {backend(upstreams[0])});
  for (const char* path :
       {"/api/create", "/api/pull", "/api/push", "/api/copy", "/api/blobs/sha256:0"}) {
    const auto request = gateway.ask(sim_post(path, "{}"));
    EXPECT_EQ(request->status(), 403) << path;
    EXPECT_TRUE(json::parse(request->body())["error"].is_string()) << path;
  }
  EXPECT_EQ(gateway.ask("DELETE /api/delete HTTP/1.1\r\nHost: g\r\n\r\n")->status(), 403);
  EXPECT_EQ(gateway.ask(sim_post("/api/delete", "{}"))->status(), 403);
}

}  // namespace
}  // namespace rocket
