#include "policy/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "policy/balancer.h"

namespace rocket {
namespace {

using Names = std::vector<std::string>;
using Endpoints = std::vector<RouterBackend::EndpointModels>;

// An endpoint whose inventory has been read, and one whose has not.
RouterBackend::EndpointModels has(Names models) {
  return {true, std::move(models)};
}
RouterBackend::EndpointModels not_asked() {
  return {false, {}};
}

RouterBackend ollama(Endpoints endpoints, std::string default_model = {}) {
  return {"ollama", std::move(default_model), true, std::move(endpoints)};
}
RouterBackend plain(std::string name, Endpoints endpoints, std::string default_model = {}) {
  return {std::move(name), std::move(default_model), false, std::move(endpoints)};
}

// Candidates as text: "vllm@0,1 ollama=llama3:8b@0", a substitute with a "~" in front.
std::string text_of(const RouterInput& input, const Result<Route>& route) {
  if (!route) return std::string(to_string(route.error().code));
  std::string text;
  for (const Candidate* one : route->candidates) {
    if (!text.empty()) text += ' ';
    if (one->substitute) text += '~';
    text += input.backends[one->backend].name;
    if (!one->model.empty()) text += "=" + one->model;
    char separator = '@';
    for (const std::uint32_t endpoint : one->endpoints) {
      text += separator + std::to_string(endpoint);
      separator = ',';
    }
  }
  return text;
}

struct Case {
  std::string name;
  std::string model;
  std::string backend;
  std::string expected;
};

void check(const RouterInput& input, const std::vector<Case>& cases) {
  const Router router(input);
  Random random(1);
  for (const Case& c : cases)
    EXPECT_EQ(text_of(input, router.route(c.model, c.backend, random)), c.expected) << c.name;
}

// As an operator has them at home, listed in no particular order. `cloud` is outside the order.
RouterInput fleet() {
  RouterInput input;
  input.backends = {
      ollama({has({"llama3:latest", "qwen:7b", "shared"}), has({"qwen:7b"})}, "qwen:7b"),
      plain("vllm", {has({"llama3", "shared"}), has({"llama3", "shared"})}),
      plain("lm-studio", {has({"gemma", "shared", "text-embedding-nomic"})}),
      plain("anthropic", {has({"claude", "shared"})}),
      plain("cloud", {has({"gpt", "shared"})}, "gpt"),
  };
  input.order = {1, 0, 2, 3};
  return input;
}

TEST(Router, AModelIsAskedOfThoseThatHaveIt) {
  check(fleet(),
        {
            {"the default order", "shared", "", "vllm@0,1 ollama@0 lm-studio@0 anthropic@0"},
            {"only where it is", "qwen:7b", "", "ollama@0,1"},
            {"on some endpoints", "shared", "ollama", "ollama@0 vllm@0,1 lm-studio@0 anthropic@0"},
            {"an embedding model is one like any other", "text-embedding-nomic", "", "lm-studio@0"},
            {"nobody has it", "nope", "", "model_not_found"},
            {"names are exact", "Shared", "", "model_not_found"},
            {"the beginning of a name is none", "shar", "", "model_not_found"},
        });
}

TEST(Router, AHintGoesFirstAndTheOthersFollow) {
  check(
      fleet(),
      {
          {"the first in order", "shared", "vllm", "vllm@0,1 ollama@0 lm-studio@0 anthropic@0"},
          {"the last in order", "shared", "anthropic", "anthropic@0 vllm@0,1 ollama@0 lm-studio@0"},
          {"outside the order", "shared", "cloud",
           "cloud@0 vllm@0,1 ollama@0 lm-studio@0 anthropic@0"},
          {"the only one that has it", "claude", "anthropic", "anthropic@0"},
          {"one that has it not", "claude", "vllm", "anthropic@0"},
          {"one outside the order that has it not", "claude", "cloud", "anthropic@0"},
          {"nobody has it", "nope", "vllm", "model_not_found"},
          {"an unknown backend", "shared", "nope", "unknown_backend"},
          {"an unknown backend and model", "nope", "nope", "unknown_backend"},
          {"an unknown backend, no model", "", "nope", "unknown_backend"},
          {"names are exact", "shared", "VLLM", "unknown_backend"},
      });
}

TEST(Router, WhatIsOutsideTheOrderTakesAHint) {
  check(fleet(), {
                     {"a model of its own", "gpt", "", "model_not_found"},
                     {"with the hint", "gpt", "cloud", "cloud@0"},
                     {"with another hint", "gpt", "vllm", "model_not_found"},
                     {"no model", "", "cloud", "cloud=gpt@0 ollama=qwen:7b@0,1"},
                 });
}

TEST(Router, LatestIsImpliedByOllamaAlone) {
  RouterInput input;
  input.backends = {ollama({has({"llama3:latest", "phi:latest"}), has({"llama3"}),
                            has({"llama3:latest", "llama3"})}),
                    plain("vllm", {has({"mistral:latest"})})};
  input.order = {0, 1};
  check(input, {
                   {"short", "llama3", "", "ollama@0,1,2"},
                   {"in full", "llama3:latest", "", "ollama@0,2"},
                   {"another tag", "llama3:8b", "", "model_not_found"},
                   {"only with the tag", "phi", "", "ollama@0"},
                   {"not elsewhere", "mistral", "", "model_not_found"},
                   {"in full elsewhere", "mistral:latest", "", "vllm@0"},
               });
}

TEST(Router, WhoHasNotBeenAskedMayHaveIt) {
  RouterInput input;
  input.backends = {plain("vllm", {has({"m"}), not_asked(), has({"n"})}),
                    plain("new", {not_asked(), not_asked()}), plain("other", {has({"n"})})};
  input.order = {0, 1, 2};
  input.routes = {{"fast", {{1, "x", 0}, {2, "m", 0}}, false}};
  check(input, {
                   {"beside endpoints that have it", "m", "", "vllm@0,1"},
                   {"beside endpoints that have it, hinted", "m", "vllm", "vllm@0,1"},
                   {"no guess without a hint", "x", "", "model_not_found"},
                   {"hinted", "x", "new", "new@0,1"},
                   {"hinted, some endpoints", "x", "vllm", "vllm@1"},
                   {"hinted, others behind", "n", "new", "new@0,1 vllm@1,2 other@0"},
                   {"hinted, all asked", "x", "other", "model_not_found"},
                   {"a route takes it at its word", "fast", "", "new=x@0,1"},
                   {"a hint asks nobody for a route's name", "fast", "vllm", "new=x@0,1"},
                   {"no model", "", "new", "other=n@0"},
               });
}

TEST(Router, ARequestWithoutAModelGetsTheDefaultOrTheOnlyOne) {
  RouterInput input;
  input.backends = {
      plain("several", {has({"a", "b"})}),
      plain("one", {has({"a", "nomic-embed-text", "all-MiniLM-L6-v2"}), has({"a"}), has({})}),
      plain("default", {has({"a"}), has({"b", "a"})}, "b"),
      plain("only-embeddings", {has({"bge-m3"})}),
      plain("default-is-gone", {has({"a"})}, "gone"),
      plain("different", {has({"a"}), has({"b"})}),
      plain("empty", {has({})}),
      ollama({has({"a:latest"})}, "a"),
      plain("not-asked", {not_asked()}, "d"),
  };
  input.order = {0, 1, 2, 3, 4, 5, 6, 7};
  check(input,
        {
            {"in order", "", "", "one=a@0,1 default=b@1 ollama=a@0"},
            {"hinted", "", "default", "default=b@1 one=a@0,1 ollama=a@0"},
            {"hinted, and it can not choose", "", "several", "no_model"},
            {"nor between its endpoints", "", "different", "no_model"},
            {"nor what is for vectors alone", "", "only-embeddings", "no_model"},
            {"hinted, and it has none", "", "empty", "one=a@0,1 default=b@1 ollama=a@0"},
            {"its default has gone", "", "default-is-gone", "one=a@0,1 default=b@1 ollama=a@0"},
        });
  input.order = {0, 3, 4, 5, 6};
  check(input, {
                   {"nobody can choose", "", "", "no_model"},
                   {"hinted, outside the order", "", "one", "one=a@0,1"},
                   {"hinted, not asked yet", "", "not-asked", "not-asked=d@0"},
                   {"nobody can choose, hinted", "", "several", "no_model"},
               });
}

TEST(Router, RoutesNameTheirCandidates) {
  RouterInput input = fleet();
  input.routes = {
      {"fast", {{1, "llama3", 0}, {0, "llama3", 0}, {4, "gpt", 0}}, false},
      {"partly", {{1, "gone", 0}, {0, "qwen:7b", 0}}, false},
      {"nowhere", {{1, "gone", 0}, {3, "gone", 0}}, false},
      {"shared", {{2, "gemma", 0}}, false},
      {"gemma", {{2, "shared", 0}}, false},
      {"twice", {{0, "qwen:7b", 0}, {1, "llama3", 0}, {0, "llama3:latest", 0}}, false},
  };
  check(input, {
                   {"in its own order", "fast", "", "vllm=llama3@0,1 ollama=llama3@0 cloud=gpt@0"},
                   {"hinted", "fast", "cloud", "cloud=gpt@0 vllm=llama3@0,1 ollama=llama3@0"},
                   {"hinted, not a candidate", "fast", "anthropic",
                    "vllm=llama3@0,1 ollama=llama3@0 cloud=gpt@0"},
                   {"only those that have the model", "partly", "", "ollama=qwen:7b@0,1"},
                   {"hinted, without the model", "partly", "vllm", "ollama=qwen:7b@0,1"},
                   {"none has its model", "nowhere", "", "model_not_found"},
                   {"a route hides a model of its name", "shared", "", "lm-studio=gemma@0"},
                   {"but not from other routes", "gemma", "", "lm-studio=shared@0"},
                   {"hinted, the hidden model stays hidden", "shared", "vllm", "lm-studio=gemma@0"},
                   {"a backend twice", "twice", "",
                    "ollama=qwen:7b@0,1 vllm=llama3@0,1 ollama=llama3:latest@0"},
                   {"a backend twice, hinted", "twice", "ollama",
                    "ollama=qwen:7b@0,1 ollama=llama3:latest@0 vllm=llama3@0,1"},
               });
}

TEST(Router, ASubstituteAnswersLast) {
  RouterInput input;
  input.backends = {plain("a", {has({"x", "y"})}, "y"), plain("b", {has({"z"})}, "z"),
                    plain("c", {has({"x"})}), plain("d", {has({"w"})}, "w")};
  input.order = {0, 1, 2};
  input.routes = {{"fast", {{2, "x", 0}}, true},
                  {"weighted", {{2, "x", 1}, {0, "x", 0}}, true},
                  {"gone", {{2, "gone", 1}}, true},
                  {"strict", {{2, "x", 0}}, false}};
  check(input,
        {
            {"behind its candidates", "fast", "", "c=x@0 ~a=y@0 ~b=z@0"},
            {"no hint moves it up", "fast", "b", "c=x@0 ~a=y@0 ~b=z@0"},
            {"no weight moves it up", "weighted", "", "c=x@0 a=x@0 ~a=y@0 ~b=z@0"},
            {"a hint moves up the candidate alone", "weighted", "a", "a=x@0 c=x@0 ~a=y@0 ~b=z@0"},
            {"when no candidate has its model", "gone", "", "~a=y@0 ~b=z@0"},
            {"only where allowed", "strict", "", "c=x@0"},
            {"not for a model's own name", "x", "", "a@0 c@0"},
        });
}

TEST(Router, ErrorsNameTheThingAndTheRemedy) {
  RouterInput input = fleet();
  input.routes = {{"nowhere", {{1, "gone", 0}}, false}};
  input.backends[0].default_model.clear();
  const Router router(input);
  Random random(1);
  const std::string endless(100'000, 'x');
  const struct {
    std::string name;
    std::string model;
    std::string backend;
    Names named;
  } cases[] = {
      {"unknown model", "nope", "", {"'nope'", "GET /v1/models"}},
      {"unknown backend", "", "nope", {"'nope'", "ollama, vllm, lm-studio, anthropic, cloud"}},
      {"outside the order", "gpt", "", {"'gpt'", "`order`", "`backend`", "cloud"}},
      {"a route without a model", "nowhere", "", {"'nowhere'", "`models`"}},
      {"an endless model", endless, "", {"'xxx"}},
      {"an endless backend", "m", endless, {"'xxx"}},
  };
  for (const auto& c : cases) {
    const auto route = router.route(c.model, c.backend, random);
    ASSERT_FALSE(route) << c.name;
    const std::string& detail = route.error().detail;
    for (const std::string& named : c.named)
      EXPECT_TRUE(detail.contains(named)) << c.name << ": " << detail;
    EXPECT_LT(detail.size(), 300U) << c.name;
  }
  input.order = {0};
  const auto route = Router(input).route("", "", random);
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().code, ErrorCode::no_model);
  for (const char* named : {"`model`", "`default_model`", "GET /v1/models"})
    EXPECT_TRUE(route.error().detail.contains(named)) << route.error().detail;
}

// Whoever names a backend and no model is told which there are, never answered by another one.
TEST(Router, WhoNamesABackendThatCanNotChooseIsToldItsModels) {
  RouterInput input;
  input.backends = {plain("two", {has({"b", "a"}), has({"a", "b"})}),
                    plain("many", {has({"1", "2", "3", "4", "5", "6"})}),
                    plain("other", {has({"x"})})};
  input.order = {0, 1, 2};
  const Router router(input);
  Random random(1);
  const KeyScope only_b{{"b", "x"}, {}};
  const KeyScope only_x{{"x"}, {}};
  const std::string words =
      " has no `default_model` and not exactly one chat model; name one of its models in `model`: ";
  const struct {
    const char* backend;
    KeyScope scope;
    std::string told;
  } cases[] = {
      {"two", {}, "the backend 'two'" + words + "b, a"},
      {"many", {}, "the backend 'many'" + words + "1, 2, 3, 4, 5, ..."},
      {"two", only_b, "the backend 'two'" + words + "b"},
  };
  for (const auto& c : cases) {
    const auto route = router.route("", c.backend, random, c.scope);
    ASSERT_FALSE(route) << c.told;
    EXPECT_EQ(route.error().code, ErrorCode::no_model) << c.told;
    EXPECT_EQ(route.error().detail, c.told);
  }
  // What a key may not ask for, it is not told of.
  EXPECT_EQ(text_of(input, router.route("", "two", random, only_x)), "other=x@0");
}

TEST(Router, MetricsGetNoNameThatAClientMadeUp) {
  RouterInput input = fleet();
  input.routes = {{"fast", {{1, "llama3", 0}}, false}};
  input.backends.push_back(plain("new", {not_asked()}));
  const Router router(input);
  Random random(1);
  const struct {
    std::string model;
    std::string backend;
    std::string name;
  } cases[] = {
      {"shared", "", "shared"}, {"llama3", "ollama", "llama3"}, {"fast", "", "fast"},
      {"", "", "default"},      {"made up", "new", "other"},    {"shared", "new", "shared"},
  };
  for (const auto& c : cases) {
    const auto route = router.route(c.model, c.backend, random);
    ASSERT_TRUE(route) << c.model;
    EXPECT_EQ(route->name, c.name);
  }
}

TEST(Router, ListsEachModelOnceWithWhoeverIsAskedFirst) {
  RouterInput input = fleet();
  input.routes = {{"fast", {{1, "llama3", 0}}, false}, {"gemma", {{2, "shared", 0}}, false}};
  Names listed;
  const Router router(input);
  for (const auto& [model, owner, card] : router.models())
    listed.push_back(std::string(model) + " of " + std::string(owner));
  const Names expected{"fast of rocket",
                       "gemma of rocket",
                       "llama3 of vllm",
                       "shared of vllm",
                       "llama3:latest of ollama",
                       "qwen:7b of ollama",
                       "text-embedding-nomic of lm-studio",
                       "claude of anthropic",
                       "gpt of cloud"};
  EXPECT_EQ(listed, expected);
}

TEST(Router, EveryListedModelHasARoute) {
  const RouterInput input = fleet();
  const Router router(input);
  Random random(1);
  for (const auto& [model, owner, card] : router.models())
    EXPECT_TRUE(router.route(model, owner, random)) << model;
}

// Right after the start, and after a reload that brings endpoints.
TEST(Router, WhatIsNotKnownYetIsNotDenied) {
  RouterInput input;
  input.backends = {plain("known", {has({"m"})}),
                    plain("new", {{.known = false, .models = {}, .awaited = true}}),
                    plain("cloud", {has({"gpt"})})};
  input.order = {0, 1};
  check(input, {{"who is known answers", "m", "", "known@0"},
                {"who is not known may have it", "n", "", "no_backend"},
                {"also what the others outside the order have", "gpt", "", "no_backend"},
                {"the one named is asked", "n", "new", "new@0"},
                {"without a model there is one", "", "", "known=m@0"}});
  EXPECT_TRUE(Router(input).awaits_models());
  // Who may not use it need not wait for it.
  Random random(1);
  const KeyScope scope{{}, {"known", "cloud"}};
  const auto denied = Router(input).route("n", "", random, scope);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::model_not_found);

  input.backends[0] = plain("known", {has({"m", "n"})});
  check(input, {{"two models and nobody's default", "", "", "no_backend"}});
  input.backends[1].endpoints[0].awaited = false;
  check(input, {{"asked in vain", "o", "", "model_not_found"},
                {"asked in vain, without a model", "", "", "no_model"}});
  EXPECT_FALSE(Router(input).awaits_models());
  // Nobody is sent to a backend outside the order unasked.
  input.backends[2].endpoints = {{.known = false, .models = {}, .awaited = true}};
  check(input, {{"outside the order", "o", "", "model_not_found"}});
}

// Whoever configured it has said so; that it is down is another answer than that it lacks the
// model.
TEST(Router, ADefaultModelIsThereUntilItsBackendSaysOtherwise) {
  RouterInput input;
  input.backends = {plain("down", {{.known = false, .models = {}}, has({"x"})}, "m"),
                    plain("up", {has({"m", "n"})}),
                    plain("cloud", {{.known = false, .models = {}}}, "gpt")};
  input.order = {0, 1};
  check(input, {{"beside who is known to have it", "m", "", "down@0 up@0"},
                {"other models are not said to be there", "o", "", "model_not_found"},
                {"outside the order", "gpt", "", "model_not_found"},
                {"outside the order, with a hint", "gpt", "cloud", "cloud@0"}});
  input.backends[1] = plain("up", {has({"n"})});
  check(input, {{"it alone", "m", "", "down@0"}});
  input.backends[0].endpoints[0].known = true;
  check(input, {{"it has been asked, and lacks it", "m", "", "model_not_found"}});
}

TEST(Router, AnEmptyFleetKnowsNothing) {
  check({}, {{"a model", "m", "", "model_not_found"},
             {"no model", "", "", "no_model"},
             {"a hint", "m", "vllm", "unknown_backend"}});
}

// What the operators first sketched: the backend they name if it is up; else the first that is up
// of vllm, ollama, lm-studio, anthropic; else an error.
TEST(Router, WithTheBalancerSelectsAsTheOperatorsSketched) {
  RouterInput input;
  input.backends = {plain("anthropic", {has({"m"})}, "m"), plain("lm-studio", {has({"m"})}, "m"),
                    plain("ollama", {has({"m"})}, "m"), plain("vllm", {has({"m"})}, "m")};
  input.order = {3, 2, 1, 0};
  const Router router(input);
  Random random(1);
  const auto select_backend = [&](std::string_view model, std::string_view hint, const Names& up) {
    const auto route = router.route(model, hint, random);
    if (!route) return std::string(to_string(route.error().code));
    for (const Candidate* candidate : route->candidates) {
      const std::string& name = input.backends[candidate->backend].name;
      const bool healthy = std::ranges::find(up, name) != up.end();
      const EndpointView view{.index = 0,
                              .verdict = healthy ? Verdict::healthy : Verdict::unhealthy};
      if (pick_endpoint({&view, 1}, Effort::normal, random)) return name;
    }
    return std::string("none");
  };
  const Names all{"anthropic", "lm-studio", "ollama", "vllm"};
  const struct {
    std::string hint;
    Names up;
    std::string expected;
  } cases[] = {
      {"ollama", all, "ollama"},
      {"anthropic", all, "anthropic"},
      {"lm-studio", {"lm-studio"}, "lm-studio"},
      {"", all, "vllm"},
      {"", {"anthropic", "lm-studio", "ollama"}, "ollama"},
      {"", {"anthropic", "lm-studio"}, "lm-studio"},
      {"", {"anthropic"}, "anthropic"},
      {"ollama", {"anthropic", "lm-studio", "vllm"}, "vllm"},
      {"vllm", {"anthropic", "lm-studio", "ollama"}, "ollama"},
      {"vllm", {"anthropic", "lm-studio"}, "lm-studio"},
      {"lm-studio", {"anthropic"}, "anthropic"},
      {"anthropic", {"lm-studio"}, "lm-studio"},
      {"", {}, "none"},
      {"ollama", {}, "none"},
      {"nope", all, "unknown_backend"},
  };
  for (const auto& c : cases) {
    for (const char* model : {"m", ""})
      EXPECT_EQ(select_backend(model, c.hint, c.up), c.expected) << "hint " << c.hint;
  }
}

}  // namespace
}  // namespace rocket
