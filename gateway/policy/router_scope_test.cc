#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/router.h"

namespace rocket {
namespace {

// vllm has qwen and secret, ollama has llama3:latest and secret; the route `fast` asks both for
// what a restricted key may not name.
RouterInput input() {
  RouterInput input;
  input.backends = {{"vllm", "secret", false, {{true, {"qwen", "secret"}}}},
                    {"ollama", "llama3:latest", true, {{true, {"llama3:latest", "secret"}}}},
                    {"late", "", false, {{false, {}}}}};
  input.order = {0, 1};
  input.routes = {{"fast", {{0, "secret", 1}, {1, "llama3:latest", 1}}, false},
                  {"steady", {{1, "llama3:latest", 0}}, true}};
  return input;
}

std::string text_of(const RouterInput& input, const Result<Route>& route) {
  if (!route) return std::string(to_string(route.error().code));
  std::string text;
  for (const Candidate* one : route->candidates)
    text += (text.empty() ? "" : " ") + input.backends[one->backend].name;
  return text;
}

TEST(RouterScope, NoCandidateIsOutsideIt) {
  const struct {
    const char* name;
    KeyScope scope;
    std::string model;
    std::string backend;
    std::string expected;
  } cases[] = {
      {"everything", {}, "secret", "", "vllm ollama"},
      {"a model's name", {{"qwen"}, {}}, "qwen", "", "vllm"},
      {"another's", {{"qwen"}, {}}, "secret", "", "forbidden"},
      {"one that nobody has", {{"qwen"}, {}}, "nonsense", "", "forbidden"},
      {"allowed, but nobody has it", {{"non*"}, {}}, "nonsense", "", "model_not_found"},
      {"a route's name opens what is behind it", {{"fast"}, {}}, "fast", "ollama", "ollama vllm"},
      {"what is behind a route does not open it", {{"secret"}, {}}, "fast", "", "forbidden"},
      {"what is behind a route is not open by itself", {{"fast"}, {}}, "secret", "", "forbidden"},
      {"failover stays inside", {{}, {"ollama"}}, "secret", "", "ollama"},
      {"a route's failover stays inside", {{}, {"ollama"}}, "fast", "", "ollama"},
      {"a hint outside", {{}, {"ollama"}}, "secret", "vllm", "forbidden"},
      {"a hint outside that is nobody", {{}, {"ollama"}}, "secret", "nonsense", "forbidden"},
      {"a hint inside", {{}, {"ollama", "late"}}, "secret", "late", "late ollama"},
      {"a hint to one that was not asked", {{"x"}, {"late"}}, "x", "late", "late"},
      {"no backend inside has it", {{}, {"ollama"}}, "qwen", "", "forbidden"},
      {"a tag that is left out", {{"llama3"}, {}}, "llama3", "", "ollama"},
      {"a tag that is not", {{"llama3"}, {}}, "llama3:latest", "", "forbidden"},
      {"no model: a default is a model too", {{"llama3:*"}, {}}, "", "", "ollama"},
      {"no model: no default inside", {{"qwen"}, {}}, "", "", "no_model"},
      {"no model: backends", {{}, {"vllm"}}, "", "", "vllm"},
      {"a substitute is a model too", {{"steady"}, {}}, "steady", "", "ollama"},
      {"a substitute inside", {{"steady", "secret"}, {}}, "steady", "", "ollama vllm"},
      {"a substitute's backend", {{"steady", "secret"}, {"ollama"}}, "steady", "", "ollama"},
  };
  const RouterInput given = input();
  const Router router(given);
  Random random(1);
  for (const auto& c : cases) {
    EXPECT_EQ(text_of(given, router.route(c.model, c.backend, random, c.scope)), c.expected)
        << c.name;
  }
}

// They are down, and were so from the start: an accident is no word on what they have.
TEST(RouterScope, WhoHasNeverAnsweredDeniesNothing) {
  RouterInput given;
  given.backends = {{"down", "", false, {{false, {}}, {false, {}}}},
                    {"up", "", false, {{true, {"x", "y"}}}}};
  given.order = {0, 1};
  const Router router(given);
  Random random(1);
  const auto asked = [&](const std::string& model, const KeyScope& scope) {
    return text_of(given, router.route(model, "", random, scope));
  };
  EXPECT_EQ(asked("m", {}), "model_not_found");
  EXPECT_EQ(asked("", {}), "no_model");
  const KeyScope inside{{}, {"down"}};
  EXPECT_EQ(asked("m", inside), "no_backend");
  EXPECT_EQ(asked("", inside), "no_backend");
}

TEST(RouterScope, WhoIsNamedHasAnsweredThoughHeIsOutsideTheOrder) {
  RouterInput given;
  given.backends = {{"down", "", false, {{false, {}}}}, {"up", "", false, {{true, {"x", "y"}}}}};
  given.order = {0};
  const Router router(given);
  Random random(1);
  EXPECT_EQ(text_of(given, router.route("m", "up", random, {})), "model_not_found");
  EXPECT_EQ(text_of(given, router.route("", "up", random, {})), "no_model");
  EXPECT_EQ(text_of(given, router.route("m", "", random, {})), "no_backend");
}

TEST(RouterScope, WeightsSplitWhatIsInside) {
  RouterInput given = input();
  given.routes = {{"w", {{0, "secret", 8}, {1, "secret", 1}, {2, "x", 1}}, false}};
  const Router router(given);
  const KeyScope scope{{}, {"ollama", "late"}};
  Random random(1);
  int first = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto route = router.route("w", "", random, scope);
    ASSERT_TRUE(route);
    first += route->candidates.front()->backend == 1 ? 1 : 0;
  }
  EXPECT_GT(first, 400);
  EXPECT_LT(first, 600);
}

TEST(RouterScope, NothingTellsOfWhatIsOutside) {
  const Router router(input());
  Random random(1);
  const KeyScope scope{{}, {"ollama"}};
  for (const std::string_view backend : {"vllm", "nonsense", ""}) {
    for (const std::string_view model : {"qwen", "nonsense", ""}) {
      const auto route = router.route(model, backend, random, scope);
      if (route) continue;
      EXPECT_FALSE(route.error().detail.contains("late")) << route.error().detail;
      if (backend != "vllm") {
        EXPECT_FALSE(route.error().detail.contains("vllm"));
      }
    }
  }
}

TEST(RouterScope, ListsWhatIsInside) {
  const Router router(input());
  const auto names = [&](const KeyScope& scope) {
    std::string text;
    for (const auto& [model, owner, card] : router.models(scope))
      text += std::string(model) + "@" + std::string(owner) + " ";
    return text;
  };
  EXPECT_EQ(names({}), "fast@rocket steady@rocket qwen@vllm secret@vllm llama3:latest@ollama ");
  EXPECT_EQ(names({{"qwen", "fast"}, {}}), "fast@rocket qwen@vllm ");
  EXPECT_EQ(names({{}, {"ollama"}}),
            "fast@rocket steady@rocket secret@ollama llama3:latest@ollama ");
  EXPECT_EQ(names({{"fast"}, {"late"}}), "");
}

// What is told of a model is told by whoever is named beside it.
TEST(RouterScope, CardsAreOfTheOwner) {
  RouterInput two = input();
  for (RouterBackend& backend : two.backends) {
    for (RouterBackend::EndpointModels& endpoint : backend.endpoints) {
      for (size_t i = 0; i < endpoint.models.size(); ++i)
        endpoint.cards.push_back({.digest = backend.name});
    }
  }
  const Router router(std::move(two));
  for (const KeyScope& scope : {KeyScope{}, KeyScope{{}, {"ollama"}}}) {
    for (const auto& [model, owner, card] : router.models(scope)) {
      EXPECT_TRUE(card == nullptr || card->digest == owner) << model;
    }
  }
}

}  // namespace
}  // namespace rocket
