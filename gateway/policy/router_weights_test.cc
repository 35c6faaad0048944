#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "policy/router.h"

namespace rocket {
namespace {

RouterBackend having(std::string name, std::vector<std::string> models) {
  return {std::move(name), {}, false, {{true, std::move(models)}}};
}

// "a=x b=x"
std::string text_of(const RouterInput& input, const Result<Route>& route) {
  if (!route) return std::string(to_string(route.error().code));
  std::string text;
  for (const Candidate* one : route->candidates)
    text += (text.empty() ? "" : " ") + input.backends[one->backend].name + "=" + one->model;
  return text;
}

// Of 10,000 requests, how many percent go first to which candidate.
std::map<std::string, double> first_picks(const RouterInput& input, std::string_view model,
                                          std::string_view backend = {}) {
  constexpr int draws = 10'000;
  const Router router(input);
  Random random(20260101);
  std::map<std::string, double> percent;
  for (int i = 0; i < draws; ++i) {
    const auto route = router.route(model, backend, random);
    if (!route || route->candidates.empty()) return {};
    const Candidate& first = *route->candidates.front();
    percent[input.backends[first.backend].name + "=" + first.model] += 100.0 / draws;
  }
  return percent;
}

TEST(RouterWeights, SplitTheFirstPick) {
  RouterInput input;
  input.backends = {having("a", {"x", "y"}), having("b", {"x"}), having("c", {"x"}),
                    having("gone", {})};
  input.order = {0, 1, 2, 3};
  input.routes = {
      {"split", {{0, "x", 3}, {1, "x", 1}}, false},
      {"tiny", {{0, "x", 0.003}, {1, "x", 0.001}}, false},
      {"three", {{0, "x", 1}, {1, "x", 2}, {2, "x", 7}}, false},
      {"with a spare", {{2, "x", 0}, {0, "x", 1}, {1, "x", 1}}, false},
      {"without its first", {{3, "x", 8}, {0, "x", 1}, {1, "x", 1}}, false},
      {"without the weighted one", {{3, "x", 1}, {0, "x", 0}, {1, "x", 0}}, false},
      {"two of one backend", {{0, "x", 1}, {0, "y", 3}, {1, "x", 4}}, false},
  };
  const struct {
    std::string model;
    std::string backend;
    std::map<std::string, double> percent;
  } cases[] = {
      {"split", "", {{"a=x", 75}, {"b=x", 25}}},
      {"tiny", "", {{"a=x", 75}, {"b=x", 25}}},
      {"three", "", {{"a=x", 10}, {"b=x", 20}, {"c=x", 70}}},
      {"with a spare", "", {{"a=x", 50}, {"b=x", 50}}},
      {"without its first", "", {{"a=x", 50}, {"b=x", 50}}},
      {"without the weighted one", "", {{"a=x", 100}}},
      {"split", "b", {{"b=x", 100}}},
      {"two of one backend", "a", {{"a=x", 25}, {"a=y", 75}}},
      // What a hint that is no candidate leaves is split as without it.
      {"split", "c", {{"a=x", 75}, {"b=x", 25}}},
  };
  for (const auto& c : cases) {
    const auto percent = first_picks(input, c.model, c.backend);
    EXPECT_EQ(percent.size(), c.percent.size()) << c.model << ", hint " << c.backend;
    for (const auto& [candidate, expected] : c.percent) {
      ASSERT_TRUE(percent.contains(candidate)) << c.model << ": " << candidate;
      EXPECT_NEAR(percent.at(candidate), expected, 2) << c.model << ": " << candidate;
    }
  }
}

TEST(RouterWeights, BehindAWeightedPickTheOrderIsTheLists) {
  RouterInput input;
  input.backends = {having("a", {"x"}), having("b", {"x"}), having("c", {"x"})};
  input.order = {2, 1, 0};
  input.routes = {{"fast", {{0, "x", 1}, {1, "x", 1}, {2, "x", 1}}, false}};
  const Router router(input);
  Random random(1);
  std::map<std::string, int> seen;
  for (int i = 0; i < 1000; ++i)
    ++seen[text_of(input, router.route("fast", "", random))];
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_TRUE(seen.contains("a=x b=x c=x"));
  EXPECT_TRUE(seen.contains("b=x a=x c=x"));
  EXPECT_TRUE(seen.contains("c=x a=x b=x"));
  // Without a share behind those that have one, wherever it stands.
  input.routes = {{"spare", {{0, "x", 0}, {1, "x", 1}, {2, "x", 1}}, false}};
  const Router spared(input);
  seen.clear();
  for (int i = 0; i < 1000; ++i)
    ++seen[text_of(input, spared.route("spare", "", random))];
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_TRUE(seen.contains("b=x c=x a=x"));
  EXPECT_TRUE(seen.contains("c=x b=x a=x"));
  // A hint is the first pick; weights do not shuffle what follows.
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(text_of(input, router.route("fast", "c", random)), "c=x a=x b=x");
}

}  // namespace
}  // namespace rocket
