#include "schema/quirks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

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
      {BackendKind::anthropic, "/v1/models?limit=1000", "/v1/models?limit=1000", "", false},
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

TEST(Quirks, LoadIsAskedForWhereItIsTold) {
  EXPECT_TRUE(quirks_of(BackendKind::ollama).load_sources.empty());
  EXPECT_TRUE(quirks_of(BackendKind::lmstudio).load_sources.empty());
  ASSERT_EQ(quirks_of(BackendKind::vllm).load_sources.size(), 1U);
  EXPECT_EQ(quirks_of(BackendKind::vllm).load_sources[0].path, "/metrics");
  EXPECT_TRUE(quirks_of(BackendKind::vllm).load_sources[0].expected);
  for (const BackendKind kind : all_backend_kinds) {
    const bool loads = kind == BackendKind::ollama || kind == BackendKind::lmstudio;
    EXPECT_EQ(quirks_of(kind).loads_on_demand, loads) << to_string(kind);
  }
  // A cloud is not asked for what only a server of one's own has.
  for (const LoadSource& source : quirks_of(BackendKind::openai).load_sources) {
    EXPECT_FALSE(source.owner.empty()) << source.path;
    EXPECT_FALSE(source.expected) << source.path;
  }
}

TEST(Quirks, WhatServersIgnoreIsKnown) {
  for (const BackendKind kind : all_backend_kinds) {
    const bool many = kind == BackendKind::openai || kind == BackendKind::vllm;
    EXPECT_EQ(quirks_of(kind).one_choice, !many) << to_string(kind);
    EXPECT_EQ(quirks_of(kind).steers_tools, kind != BackendKind::ollama) << to_string(kind);
    EXPECT_EQ(quirks_of(kind).refuses_excess, kind == BackendKind::vllm) << to_string(kind);
    EXPECT_EQ(quirks_of(kind).names_tools, kind != BackendKind::lmstudio) << to_string(kind);
    EXPECT_EQ(quirks_of(kind).encodes_vectors, kind != BackendKind::lmstudio) << to_string(kind);
    const bool reasoning = quirks_of(kind).thinking_name == "reasoning";
    EXPECT_EQ(reasoning, kind == BackendKind::ollama) << to_string(kind);
    const bool heeds = kind != BackendKind::ollama && kind != BackendKind::vllm;
    EXPECT_EQ(quirks_of(kind).unheeded.empty(), heeds) << to_string(kind);
    const bool newer = kind != BackendKind::ollama && kind != BackendKind::lmstudio;
    EXPECT_EQ(quirks_of(kind).knows_newer_limit, newer) << to_string(kind);
    EXPECT_EQ(quirks_of(kind).knows_developers, newer) << to_string(kind);
    EXPECT_EQ(quirks_of(kind).takes_json_object, kind != BackendKind::lmstudio) << to_string(kind);
  }
  const std::vector<std::string_view> owners{"llamacpp"};
  EXPECT_EQ(quirks_of(BackendKind::openai).one_choice_owners, owners);
}

TEST(Quirks, WhoIsBusySaysSo) {
  const struct {
    int status;
    const char* body;
    bool busy;
  } cases[] = {
      {503, R"({"error":"server busy, please try again.  maximum pending requests exceeded"})",
       true},
      {503, R"({"error":{"message":"The request queue is full."}})", true},
      {503, R"({"error":{"message":"Loading model"}})", false},
      {503, "", false},
      {500, R"({"error":"server busy"})", false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(says_busy(c.status, c.body), c.busy) << c.body;
}

TEST(Quirks, LivenessIsWhatTheServerSays) {
  const struct {
    const char* name;
    int status;
    std::string body;
    Liveness expected;
  } cases[] = {
      {"vLLM", 200, "", Liveness::alive},
      {"Ollama", 200, R"({"version":"0.17.4"})", Liveness::alive},
      {"llama.cpp", 200, R"({"status":"ok"})", Liveness::alive},
      {"no content", 204, "", Liveness::alive},
      {"llama.cpp loads", 503,
       R"({"error":{"message":"Loading model","type":"unavailable_error","code":503}})",
       Liveness::loading},
      {"an old one loads", 503, R"({"status":"loading model"})", Liveness::loading},
      {"another status is no loading", 500, R"({"error":{"message":"Loading model"}})",
       Liveness::dead},
      {"Rocket drains", 503, R"({"status":"draining"})", Liveness::draining},
      {"Rocket's health while it drains", 200, R"({"status":"draining","revision":3})",
       Liveness::draining},
      {"Rocket is not ready", 503, R"({"status":"not ready"})", Liveness::dead},
      {"busy", 503, R"({"error":"server busy, please try again."})", Liveness::dead},
      {"a model called draining", 200, R"({"data":[{"id":"draining","status":"draining"}]})",
       Liveness::alive},
      {"a status of another kind", 200, R"({"status":["draining"]})", Liveness::alive},
      {"not found", 404, "404 page not found", Liveness::dead},
      {"a redirect", 302, "", Liveness::dead},
      {"not JSON", 503, "draining", Liveness::dead},
      {"a page that has the words far down", 503, std::string(2000, ' ') + "loading model",
       Liveness::dead},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_liveness(quirks_of(BackendKind::openai), c.status, c.body), c.expected)
        << c.name;
  // Not everybody who speaks Anthropic's Messages lists models, nor to every key.
  const Quirks& messages = quirks_of(BackendKind::anthropic);
  EXPECT_EQ(read_liveness(messages, 404, "404 page not found"), Liveness::alive);
  EXPECT_EQ(read_liveness(messages, 403, ""), Liveness::alive);
  EXPECT_EQ(read_liveness(messages, 401, ""), Liveness::dead);
  EXPECT_EQ(read_liveness(messages, 529, ""), Liveness::dead);
}

}  // namespace
}  // namespace rocket
