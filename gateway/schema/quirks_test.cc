#include "schema/quirks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

using Models = std::vector<InventoryModel>;

TEST(Quirks, EachKindHasARow) {
  const struct {
    BackendKind kind;
    const char* alive;
    const char* first_inventory;
    const char* loaded;
    bool implicit_latest;
  } cases[] = {
      {BackendKind::openai, "/v1/models", "/v1/models", "", false},
      {BackendKind::ollama, "/api/version", "/api/tags", "/api/ps", true},
      {BackendKind::vllm, "/health", "/v1/models", "", false},
      {BackendKind::lmstudio, "/v1/models", "/api/v1/models", "", false},
  };
  for (const auto& c : cases) {
    const Quirks& quirks = quirks_of(c.kind);
    const auto name = to_string(c.kind);
    EXPECT_EQ(quirks.kind, c.kind) << name;
    EXPECT_EQ(quirks.alive_path, c.alive) << name;
    ASSERT_FALSE(quirks.inventory_paths.empty()) << name;
    EXPECT_EQ(quirks.inventory_paths.front(), c.first_inventory) << name;
    EXPECT_EQ(quirks.loaded_path, c.loaded) << name;
    EXPECT_EQ(quirks.implicit_latest, c.implicit_latest) << name;
  }
}

TEST(Quirks, OldVersionsOfLmStudioHaveAnInventoryToo) {
  const std::vector<std::string_view> expected{"/api/v1/models", "/api/v0/models", "/v1/models"};
  EXPECT_EQ(quirks_of(BackendKind::lmstudio).inventory_paths, expected);
}

TEST(Inventory, IsReadAsServersTellIt) {
  const struct {
    const char* name;
    std::string_view body;
    Models expected;
  } cases[] = {
      {"OpenAI",
       R"({"object":"list","data":[
          {"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"system"},
          {"id":"o3","object":"model","created":1744225308,"owned_by":"system"}]})",
       {{"gpt-4o", true}, {"o3", true}}},
      {"vLLM",
       R"({"object":"list","data":[{"id":"smollm2","object":"model","created":1,
          "owned_by":"vllm","root":"/models/smollm2","parent":null,"max_model_len":2048,
          "permission":[{"id":"modelperm-1","object":"model_permission"}]}]})",
       {{"smollm2", true}}},
      {"llama.cpp tells it both ways",
       R"({"models":[{"name":"smollm2","model":"smollm2",
          "type":"model","capabilities":["completion"]}],"object":"list","data":[{"id":"smollm2",
          "object":"model","created":1,"owned_by":"llamacpp","meta":{"n_ctx_train":8192}}]})",
       {{"smollm2", true}}},
      {"Ollama's tags",
       R"({"models":[{"name":"llama3:latest","model":"llama3:latest",
          "modified_at":"2026-01-01T00:00:00Z","size":104857600,"digest":"dd",
          "details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"]}},
          {"name":"hf.co/a/b:Q4_1","model":"hf.co/a/b:Q4_1"}]})",
       {{"llama3:latest", true}, {"hf.co/a/b:Q4_1", true}}},
      {"Ollama's ps",
       R"({"models":[{"name":"llama3:latest","model":"llama3:latest",
          "expires_at":"2036-01-01T00:00:00Z","size_vram":0,"context_length":4096}]})",
       {{"llama3:latest", true}}},
      {"LM Studio v1",
       R"({"models":[
          {"type":"llm","publisher":"google","key":"google/gemma-3-12b","display_name":"Gemma 3 12B",
           "architecture":"gemma3","quantization":{"name":"Q4_0","bits_per_weight":4},
           "loaded_instances":[{"id":"google/gemma-3-12b","config":{"context_length":4096}}],
           "max_context_length":131072,"format":"gguf","capabilities":{"vision":true}},
          {"type":"embedding","publisher":"nomic-ai","key":"text-embedding-nomic-embed-text-v1.5",
           "display_name":"Nomic Embed","loaded_instances":[],"max_context_length":2048}]})",
       {{"google/gemma-3-12b", true}, {"text-embedding-nomic-embed-text-v1.5", false}}},
      {"LM Studio v0",
       R"({"object":"list","data":[
          {"id":"qwen2-vl-7b-instruct","object":"model","type":"vlm","arch":"qwen2_vl",
           "state":"not-loaded","max_context_length":32768},
          {"id":"meta-llama-3.1-8b-instruct","object":"model","type":"llm","arch":"llama",
           "state":"loaded","max_context_length":131072}]})",
       {{"qwen2-vl-7b-instruct", false}, {"meta-llama-3.1-8b-instruct", true}}},
      {"Anthropic",
       R"({"data":[{"type":"model","id":"claude-sonnet-4-5",
          "display_name":"Claude Sonnet 4.5","created_at":"2025-09-29T00:00:00Z"}],
          "has_more":false,"first_id":"claude-sonnet-4-5","last_id":"claude-sonnet-4-5"})",
       {{"claude-sonnet-4-5", true}}},

      {"none", R"({"object":"list","data":[]})", {}},
      {"none, as Go tells it", R"({"object":"list","data":null})", {}},
      {"none, as Ollama once told it", R"({"models":null})", {}},
      {"null beside a list", R"({"data":null,"models":[{"name":"a"}]})", {{"a", true}}},
      {"without a name", R"({"data":[{"object":"model"},{"id":""},{"id":7},{"id":null}]})", {}},
      {"no objects", R"({"data":["a",1,null,[],{"id":"b"}]})", {{"b", true}}},
      {"an empty id and a name", R"({"models":[{"id":"","name":"a"}]})", {{"a", true}}},
      {"escapes", R"({"d\u0061ta":[{"i\u0064":"a\/b"}]})", {{"a/b", true}}},
      {"instances of another kind",
       R"({"models":[{"key":"a","loaded_instances":null}]})",
       {{"a", true}}},
      {"in their order",
       R"({"data":[{"id":"c"},{"id":"a"},{"id":"b"}]})",
       {{"c", true}, {"a", true}, {"b", true}}},
  };
  for (const auto& c : cases) {
    const auto models = read_inventory(c.body);
    ASSERT_TRUE(models) << c.name;
    EXPECT_EQ(*models, c.expected) << c.name;
  }
}

TEST(Inventory, WhatIsNoneIsRefused) {
  const struct {
    const char* name;
    std::string_view body;
  } cases[] = {
      {"nothing", ""},
      {"text", "Ollama is running"},
      {"HTML", "<html></html>"},
      {"an empty object", "{}"},
      {"a bare list", R"([{"id":"a"}])"},
      {"LM Studio's word for an unknown path",
       R"({"error":"Unexpected endpoint or method: GET /api/v1/models"})"},
      {"FastAPI's", R"({"detail":"Not Found"})"},
      {"data of another kind", R"({"data":{"id":"a"}})"},
      {"data a string", R"({"data":"a"})"},
      {"models a number", R"({"models":7})"},
      {"cut", R"({"data":[{"id":"a"})"},
      {"not UTF-8", "{\"data\":[{\"id\":\"\xff\"}]}"},
  };
  for (const auto& c : cases) {
    const auto models = read_inventory(c.body);
    ASSERT_FALSE(models) << c.name;
    EXPECT_EQ(models.error().code, ErrorCode::upstream_garbage) << c.name;
  }
}

}  // namespace
}  // namespace rocket
