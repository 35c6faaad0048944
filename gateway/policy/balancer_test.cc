#include "policy/balancer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

namespace rocket {
namespace {

using Views = std::vector<EndpointView>;
using Picks = std::set<std::uint32_t>;

EndpointView healthy(std::uint32_t index, std::uint64_t in_flight = 0) {
  return {.index = index, .verdict = Verdict::healthy, .in_flight = in_flight};
}
EndpointView unknown(std::uint32_t index, std::uint64_t in_flight = 0) {
  return {.index = index, .verdict = Verdict::unknown, .in_flight = in_flight};
}
EndpointView refused(std::uint32_t index, std::uint64_t in_flight = 0) {
  return {.index = index,
          .verdict = Verdict::unhealthy,
          .reason = ErrorCode::connect_refused,
          .in_flight = in_flight};
}
EndpointView unhealthy(std::uint32_t index, ErrorCode why) {
  return {.index = index, .verdict = Verdict::unhealthy, .reason = why};
}
EndpointView tried(EndpointView view) {
  view.tried = true;
  return view;
}

// All that are ever picked; empty: none.
Picks picks_of(const Views& views) {
  Random random(1);
  Picks picks;
  for (int i = 0; i < 1000; ++i) {
    if (const auto pick = pick_endpoint(views, random)) picks.insert(*pick);
  }
  return picks;
}

TEST(Balancer, TriesWhatIsWorthIt) {
  const struct {
    const char* name;
    Views views;
    Picks expected;
  } cases[] = {
      {"none", {}, {}},
      {"one", {healthy(7)}, {7}},
      {"one that is not known yet", {unknown(7)}, {7}},
      {"equals", {healthy(1), healthy(2), healthy(3)}, {1, 2, 3}},
      {"unknown is as good as healthy", {healthy(1), unknown(2)}, {1, 2}},
      {"the less busy of two", {healthy(1, 5), healthy(2, 4)}, {2}},
      {"the less busy of two, the other way round", {healthy(1, 4), healthy(2, 5)}, {1}},
      {"of three never the busiest", {healthy(1, 1), healthy(2, 2), healthy(3, 3)}, {1, 2}},
      {"tried ones are done", {tried(healthy(1)), healthy(2, 100)}, {2}},
      {"all tried", {tried(healthy(1)), tried(unknown(2)), tried(refused(3))}, {}},
      {"refused only when nothing better is left", {refused(1), healthy(2, 100)}, {2}},
      {"refused when all are", {refused(1), refused(2)}, {1, 2}},
      {"refused, the less busy", {refused(1, 1), refused(2)}, {2}},
      {"refused when the good ones were tried", {refused(1), tried(healthy(2))}, {1}},
      {"refused and tried", {tried(refused(1))}, {}},
      {"a probe that hangs", {unhealthy(1, ErrorCode::connect_timeout)}, {}},
      {"a probe without an answer", {unhealthy(1, ErrorCode::total_timeout)}, {}},
      {"a bad answer", {unhealthy(1, ErrorCode::upstream_status)}, {}},
      {"no DNS", {unhealthy(1, ErrorCode::connect_failed)}, {}},
      {"hanging beside refused", {unhealthy(1, ErrorCode::connect_timeout), refused(2)}, {2}},
      {"hanging beside healthy", {unhealthy(1, ErrorCode::connect_timeout), healthy(2, 9)}, {2}},
      {"the index is the caller's", {healthy(40), healthy(4), healthy(400)}, {4, 40, 400}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(picks_of(c.views), c.expected) << c.name;
}

// What a reason says counts only while it is unhealthy.
TEST(Balancer, AHealthyOneIsNotBlamedForThePast) {
  EndpointView back = healthy(1);
  back.reason = ErrorCode::connect_timeout;
  EXPECT_EQ(picks_of({back}), Picks{1});
}

TEST(Balancer, EqualsShareEqually) {
  constexpr int draws = 12'000;
  const Views views{healthy(0), healthy(1), healthy(2), healthy(3)};
  Random random(1);
  std::map<std::uint32_t, int> count;
  for (int i = 0; i < draws; ++i)
    ++count[pick_endpoint(views, random).value()];
  for (const auto& [index, times] : count)
    EXPECT_NEAR(times, draws / 4, draws / 4 * 0.1) << index;
}

// Two choices: with n endpoints of different load, the k-th busiest of them is picked when it is
// drawn together with a busier one: (k - 1) of n (n - 1) / 2 pairs.
TEST(Balancer, TwoChoicesAreRandomOnes) {
  constexpr int draws = 12'000;
  const Views views{healthy(0, 0), healthy(1, 1), healthy(2, 2), healthy(3, 3)};
  Random random(1);
  std::map<std::uint32_t, int> count;
  for (int i = 0; i < draws; ++i)
    ++count[pick_endpoint(views, random).value()];
  EXPECT_NEAR(count[0], draws * 3 / 6, draws * 0.02);
  EXPECT_NEAR(count[1], draws * 2 / 6, draws * 0.02);
  EXPECT_NEAR(count[2], draws * 1 / 6, draws * 0.02);
  EXPECT_EQ(count[3], 0);
}

}  // namespace
}  // namespace rocket
