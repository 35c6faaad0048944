#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/router.h"

// What servers tell of their models, beside the candidates that it is told of.
namespace rocket {
namespace {

constexpr auto yes = Telling::yes;
constexpr auto no = Telling::no;

RouterInput fleet() {
  RouterInput input;
  input.backends = {
      {"ollama",
       {},
       true,
       {{true, {"x:latest", "y"}, {{.loaded = false, .tools = no}, {.vision = yes}}},
        {true, {"y", "x:latest"}, {{}, {.context = 4096}}},
        {false, {}}}},
      {"vllm", {}, false, {{true, {"x"}, {{.tools = yes, .context = 8192}}}}},
      {"cloud", {}, false, {{true, {"x", "big"}, {{}, {.tools = yes, .context = 1'000'000}}}}},
  };
  input.order = {0, 1, 2};
  input.routes = {{"fast", {{0, "y", 0}, {1, "x", 0}}, false}};
  return input;
}

std::vector<ModelFacts> facts_of(const Router& router, std::string_view model, size_t candidate) {
  Random random(1);
  const auto route = router.route(model, "", random);
  EXPECT_TRUE(route);
  EXPECT_EQ(route->candidates[candidate]->facts.size(),
            route->candidates[candidate]->endpoints.size());
  return route->candidates[candidate]->facts;
}

TEST(RouterFacts, StandBesideTheEndpoints) {
  const Router router(fleet());
  using Facts = std::vector<ModelFacts>;
  const Facts at_ollama{{.loaded = false, .tools = no}, {.context = 4096}, {}};
  EXPECT_EQ(facts_of(router, "x:latest", 0), at_ollama);
  EXPECT_EQ(facts_of(router, "x", 0), at_ollama) << "its short name";
  EXPECT_EQ(facts_of(router, "x", 1), (Facts{{.tools = yes, .context = 8192}}));
  EXPECT_EQ(facts_of(router, "x", 2), (Facts{{}}));
  EXPECT_EQ(facts_of(router, "y", 0), (Facts{{.vision = yes}, {}, {}}));
  EXPECT_EQ(facts_of(router, "fast", 0), (Facts{{.vision = yes}, {}, {}})) << "of a route, too";
  EXPECT_EQ(facts_of(router, "fast", 1), (Facts{{.tools = yes, .context = 8192}}));
}

TEST(RouterFacts, SaysWhereThereAreLimits) {
  const Router router(fleet());
  Random random(1);
  const auto limits = [&](std::string_view model) {
    std::string text;
    const auto route = router.route(model, "", random);
    for (const Candidate* one : route->candidates)
      text += one->limited ? '!' : '.';
    return text;
  };
  EXPECT_EQ(limits("x"), "!!.");
  EXPECT_EQ(limits("y"), ".");
  EXPECT_EQ(limits("big"), "!");
  EXPECT_EQ(limits("fast"), ".!");
}

TEST(RouterFacts, NamesWhoCan) {
  const Router router(fleet());
  const struct {
    const char* name;
    Needs needs;
    KeyScope scope;
    std::string expected;
  } cases[] = {
      {"tools", {.tools = true}, {}, "fast (vllm), x (vllm), big (cloud)"},
      {"images", {.images = true}, {}, "fast (ollama), y (ollama)"},
      {"room", {.characters = 100'000}, {}, "big (cloud)"},
      {"a little room", {.characters = 40'000}, {}, "fast (vllm), x (vllm), big (cloud)"},
      {"too much for anybody", {.characters = 100'000'000}, {}, ""},
      {"within a key's backends",
       {.tools = true},
       {.models = {}, .backends = {"cloud"}},
       "big (cloud)"},
      {"within a key's models", {.tools = true}, {.models = {"x*"}, .backends = {}}, "x (vllm)"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(router.who_can(c.needs, c.scope), c.expected) << c.name;
}

TEST(RouterFacts, NamesAFewOnly) {
  RouterInput input;
  std::vector<std::string> models;
  std::vector<ModelFacts> facts;
  for (int i = 0; i < 100; ++i) {
    models.push_back("m" + std::to_string(i));
    facts.push_back({.tools = yes});
  }
  input.backends = {{"a", {}, false, {{true, models, facts}}}};
  input.order = {0};
  EXPECT_EQ(Router(input).who_can({.tools = true}, {}),
            "m0 (a), m1 (a), m2 (a), m3 (a), m4 (a), ...");
}

TEST(EmbeddingModel, IsKnownByItsName) {
  for (const char* name :
       {"text-embedding-3-small", "nomic-embed-text:latest", "all-MiniLM-L6-v2", "bge-m3",
        "BAAI/bge-large-en", "intfloat/e5-large-v2", "thenlper/gte-base", "qwen3-embedding-8b",
        "mxbai-EMBED-large", "bge-reranker-v2-m3", "jina-reranker-v2"}) {
    EXPECT_TRUE(names_embedding_model(name)) << name;
  }
  for (const char* name : {"", "llama3", "qwen2.5-7b-instruct", "gpt-4o", "claude-sonnet-4-5",
                           "smollm2:135m", "gemma-3-270m", "phi-3.5-mini", "mixtral-8x7b"}) {
    EXPECT_FALSE(names_embedding_model(name)) << name;
  }
}

}  // namespace
}  // namespace rocket
