#include "schema/inventory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

using Models = std::vector<InventoryModel>;

ModelFacts with_context(std::uint32_t tokens) {
  return {.context = tokens};
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
       {{"gpt-4o"}, {"o3"}}},
      {"vLLM",
       R"({"object":"list","data":[{"id":"smollm2","object":"model","created":1,
          "owned_by":"vllm","root":"/models/smollm2","parent":null,"max_model_len":2048,
          "permission":[{"id":"modelperm-1","object":"model_permission"}]}]})",
       {{"smollm2", with_context(2048)}}},
      {"llama.cpp tells it both ways",
       R"({"models":[{"name":"smollm2","model":"smollm2",
          "type":"model","capabilities":["completion"]}],"object":"list","data":[{"id":"smollm2",
          "object":"model","created":1,"owned_by":"llamacpp","architecture":{"input_modalities":["text"],
          "output_modalities":["text"]},"meta":{"n_ctx":2048,"n_ctx_train":8192}}]})",
       {{"smollm2", {.vision = Telling::no, .context = 2048}}}},
      {"Ollama's tags",
       R"({"models":[{"name":"llama3:latest","model":"llama3:latest",
          "modified_at":"2026-01-01T00:00:00Z","size":104857600,"digest":"dd",
          "details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"]}},
          {"name":"hf.co/a/b:Q4_1","model":"hf.co/a/b:Q4_1"}]})",
       {{"llama3:latest",
         {},
         {"dd", R"({"parent_model":"","format":"gguf","family":"llama","families":["llama"]})",
          "2026-01-01T00:00:00Z", 104857600}},
        {"hf.co/a/b:Q4_1", {}}}},
      {"Ollama's ps",
       R"({"models":[{"name":"llama3:latest","model":"llama3:latest",
          "expires_at":"2036-01-01T00:00:00Z","size_vram":0,"context_length":4096}]})",
       {{"llama3:latest", with_context(4096), {}, "2036-01-01T00:00:00Z"}}},
      {"times of Ollama's ps, and what is none",
       R"({"models":[{"name":"a","expires_at":"2026-11-24T10:25:08.761602524+02:00"},
          {"name":"b","expires_at":"soon"},{"name":"c","expires_at":1800000000},
          {"name":"d","expires_at":"2026-11-24T10:25:08"},{"name":"e","expires_at":null},
          {"name":"f","expires_at":"2026-11-24T10:25:08Z\u0022"},
          {"name":"g","expires_at":"2026-11-24 10:25:08Z"}]})",
       {{"a", {}, {}, "2026-11-24T10:25:08.761602524+02:00"},
        {"b"},
        {"c"},
        {"d"},
        {"e"},
        {"f"},
        {"g"}}},
      {"LM Studio v1",
       R"({"models":[
          {"type":"llm","publisher":"google","key":"google/gemma-3-12b","display_name":"Gemma 3 12B",
           "architecture":"gemma3","quantization":{"name":"Q4_0","bits_per_weight":4},
           "loaded_instances":[{"id":"google/gemma-3-12b","config":{"context_length":4096}}],
           "max_context_length":131072,"format":"gguf","capabilities":{"vision":true}},
          {"type":"embedding","publisher":"nomic-ai","key":"text-embedding-nomic-embed-text-v1.5",
           "display_name":"Nomic Embed","loaded_instances":[],"max_context_length":2048}]})",
       {{"google/gemma-3-12b", {.vision = Telling::yes, .context = 4096}},
        {"text-embedding-nomic-embed-text-v1.5", {.loaded = false, .context = 2048}}}},
      {"LM Studio v0",
       R"({"object":"list","data":[
          {"id":"qwen2-vl-7b-instruct","object":"model","type":"vlm","arch":"qwen2_vl",
           "state":"not-loaded","max_context_length":32768},
          {"id":"meta-llama-3.1-8b-instruct","object":"model","type":"llm","arch":"llama",
           "state":"loaded","max_context_length":131072,"loaded_context_length":8192,
           "capabilities":["tool_use"]}]})",
       {{"qwen2-vl-7b-instruct", {.loaded = false, .vision = Telling::yes, .context = 32768}},
        {"meta-llama-3.1-8b-instruct", {.tools = Telling::yes, .context = 8192}}}},
      {"LM Studio v1 on tools",
       R"({"models":[{"key":"a","capabilities":{"vision":false,"trained_for_tool_use":true}},
          {"key":"b","capabilities":{"vision":true,"trained_for_tool_use":false}}]})",
       {{"a", {.tools = Telling::yes, .vision = Telling::no}}, {"b", {.vision = Telling::yes}}}},
      {"llama.cpp's router",
       R"({"data":[{"id":"a","status":{"value":"loaded"}},{"id":"b","status":{"value":"unloaded"}},
          {"id":"c","status":{"value":"loading"}}]})",
       {{"a", {}}, {"b", {.loaded = false}}, {"c", {.loaded = false}}}},
      {"a cloud of clouds",
       R"({"data":[{"id":"a/b","context_length":131072,
          "architecture":{"input_modalities":["text","image"]},
          "supported_parameters":["max_tokens","tools"]},
          {"id":"c/d","architecture":{"input_modalities":[]},"supported_parameters":["seed"]}]})",
       {{"a/b", {.tools = Telling::yes, .vision = Telling::yes, .context = 131072}},
        {"c/d", {.tools = Telling::no}}}},
      {"figures that are none",
       R"({"data":[{"id":"a","max_model_len":-1},{"id":"b","max_model_len":"x"},
          {"id":"c","max_model_len":1e30},{"id":"d","meta":{"n_ctx":null}},{"id":"e","meta":7}]})",
       {{"a", {}}, {"b", {}}, {"c", {}}, {"d", {}}, {"e", {}}}},
      {"Anthropic",
       R"({"data":[{"type":"model","id":"claude-sonnet-4-5",
          "display_name":"Claude Sonnet 4.5","created_at":"2025-09-29T00:00:00Z"}],
          "has_more":false,"first_id":"claude-sonnet-4-5","last_id":"claude-sonnet-4-5"})",
       {{"claude-sonnet-4-5"}}},
      {"Anthropic on thinking",
       R"({"data":[{"type":"model","id":"a","max_input_tokens":1000,"max_tokens":64,"capabilities":{
          "effort":{"high":{"supported":true},"xhigh":{"supported":true},"supported":true},
          "thinking":{"supported":true,"types":{"adaptive":{"supported":true},
          "disabled":{"supported":false},"enabled":{"supported":false}}}}},
          {"type":"model","id":"b","capabilities":{"effort":{"supported":false,"xhigh":null},
          "thinking":{"supported":true,"types":{"adaptive":{"supported":false},
          "disabled":{"supported":true},"enabled":{"supported":true}}}}},
          {"type":"model","id":"c","capabilities":{"thinking":7,"effort":[]}}]})",
       {{"a",
         {.context = 1000,
          .output = 64,
          .thinking = {.adaptive = true, .xhigh = true, .always = true}}},
        {"b"},
        {"c"}}},

      {"none", R"({"object":"list","data":[]})", {}},
      {"none, as Go tells it", R"({"object":"list","data":null})", {}},
      {"none, as Ollama once told it", R"({"models":null})", {}},
      {"null beside a list", R"({"data":null,"models":[{"name":"a"}]})", {{"a"}}},
      {"without a name", R"({"data":[{"object":"model"},{"id":""},{"id":7},{"id":null}]})", {}},
      {"no objects", R"({"data":["a",1,null,[],{"id":"b"}]})", {{"b"}}},
      {"an empty id and a name", R"({"models":[{"id":"","name":"a"}]})", {{"a"}}},
      {"escapes", R"({"d\u0061ta":[{"i\u0064":"a\/b"}]})", {{"a/b"}}},
      {"instances of another kind", R"({"models":[{"key":"a","loaded_instances":null}]})", {{"a"}}},
      {"in their order", R"({"data":[{"id":"c"},{"id":"a"},{"id":"b"}]})", {{"c"}, {"a"}, {"b"}}},
  };
  for (const auto& c : cases) {
    const auto read = read_inventory(c.body);
    ASSERT_TRUE(read) << c.name;
    EXPECT_EQ(read->models, c.expected) << c.name;
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

TEST(Inventory, SaysWhoServes) {
  EXPECT_EQ(read_inventory(R"({"data":[{"id":"a","owned_by":"llamacpp"},{"id":"b"}]})")->owner,
            "llamacpp");
  EXPECT_EQ(read_inventory(R"({"data":[{"id":"a"}]})")->owner, "");
  EXPECT_EQ(read_inventory(R"({"data":[]})")->owner, "");
}

TEST(Inventory, OllamaTellsOfOneModel) {
  const struct {
    const char* name;
    std::string_view body;
    ModelFacts expected;
  } cases[] = {
      {"all of it",
       R"({"license":"...","details":{"family":"llama"},
          "model_info":{"general.architecture":"llama","llama.block_count":30,
          "llama.context_length":8192,"llama.rope.freq_base":1e5},
          "capabilities":["completion","tools"]})",
       {.tools = Telling::yes, .vision = Telling::no, .context = 8192}},
      {"one that sees",
       R"({"model_info":{"gemma3.context_length":131072},"capabilities":["completion","vision"]})",
       {.tools = Telling::no, .vision = Telling::yes, .context = 131072}},
      {"before it told abilities",
       R"({"model_info":{"llama.context_length":8192}})",
       {.context = 8192}},
      {"an empty list of abilities", R"({"capabilities":[]})", {}},
      {"a list of another kind", R"({"capabilities":"tools","model_info":[]})", {}},
      {"an error", R"({"error":"model 'x' not found"})", {}},
      {"no JSON", "404 page not found", {}},
      {"cut", R"({"capabilities":["tools")", {}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_model_details(c.body), c.expected) << c.name;
}

}  // namespace
}  // namespace rocket
