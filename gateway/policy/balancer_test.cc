#include "policy/balancer.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;

using Views = std::vector<EndpointView>;
using Picks = std::set<std::uint32_t>;

EndpointView healthy(std::uint32_t index, std::uint64_t in_flight = 0) {
  return {.index = index, .verdict = Verdict::healthy, .in_flight = in_flight};
}
EndpointView unknown(std::uint32_t index, std::uint64_t in_flight = 0) {
  return {.index = index, .verdict = Verdict::unknown, .in_flight = in_flight};
}
EndpointView sick(std::uint32_t index, std::uint64_t in_flight = 0) {
  return {.index = index, .verdict = Verdict::unhealthy, .in_flight = in_flight};
}
EndpointView open(std::uint32_t index, std::uint64_t in_flight = 0) {
  return {.index = index,
          .verdict = Verdict::healthy,
          .breaker = BreakerState::open,
          .in_flight = in_flight};
}
EndpointView half_open(std::uint32_t index, Verdict verdict = Verdict::healthy) {
  return {
      .index = index, .verdict = verdict, .breaker = BreakerState::half_open, .trial_free = true};
}
EndpointView on_trial(std::uint32_t index) {
  EndpointView view = half_open(index);
  view.trial_free = false;
  return view;
}
EndpointView left_alone(std::uint32_t index) {
  EndpointView view = open(index);
  view.asked_to_wait = true;
  return view;
}
EndpointView sick_and_left_alone(std::uint32_t index) {
  EndpointView view = left_alone(index);
  view.verdict = Verdict::unhealthy;
  return view;
}
EndpointView timed(std::uint32_t index, Duration answer_time, std::uint64_t in_flight = 0) {
  EndpointView view = healthy(index, in_flight);
  view.answer_time = answer_time;
  return view;
}
EndpointView told(std::uint32_t index, LoadFigures load, std::uint64_t in_flight = 0) {
  EndpointView view = healthy(index, in_flight);
  view.load = load;
  return view;
}
EndpointView cold(std::uint32_t index, std::uint64_t in_flight = 0) {
  EndpointView view = healthy(index, in_flight);
  view.cold = true;
  view.disturbs = in_flight != 0;
  return view;
}
EndpointView crowded(std::uint32_t index, std::uint32_t models) {
  EndpointView view = cold(index);
  view.evicts = models;
  return view;
}
EndpointView saying(std::uint32_t index, Verdict verdict) {
  EndpointView view = healthy(index);
  view.verdict = verdict;
  return view;
}
EndpointView lacking(std::uint32_t index, Lack lack) {
  EndpointView view = healthy(index);
  view.lack = lack;
  return view;
}
EndpointView near_limit(std::uint32_t index) {
  EndpointView view = healthy(index);
  view.near_limit = true;
  return view;
}
EndpointView ejected(std::uint32_t index) {
  EndpointView view = healthy(index);
  view.outlier = {.fault = OutlierFault::slow, .ejected = true};
  return view;
}
EndpointView forgiven(std::uint32_t index) {
  EndpointView view = sick(index);
  view.outlier.forgiven = true;
  return view;
}
EndpointView tried(EndpointView view) {
  view.tried = true;
  return view;
}

// All that are ever picked; empty: none.
Picks picks_of(const Views& views, Effort effort) {
  Random random(1);
  Picks picks;
  for (int i = 0; i < 1000; ++i) {
    if (const auto pick = pick_endpoint(views, effort, random)) picks.insert(pick->index);
  }
  return picks;
}

TEST(Balancer, TriesWhatIsWorthIt) {
  const struct {
    const char* name;
    Views views;
    Picks normal;
    Picks last_resort;
  } cases[] = {
      {"none", {}, {}, {}},
      {"one", {healthy(7)}, {7}, {}},
      {"one that is not known yet", {unknown(7)}, {7}, {}},
      {"equals", {healthy(1), healthy(2), healthy(3)}, {1, 2, 3}, {}},
      {"unknown is as good as healthy", {healthy(1), unknown(2)}, {1, 2}, {}},
      {"the less busy of two", {healthy(1, 5), healthy(2, 4)}, {2}, {}},
      {"the less busy of two, the other way round", {healthy(1, 4), healthy(2, 5)}, {1}, {}},
      {"of three never the busiest", {healthy(1, 1), healthy(2, 2), healthy(3, 3)}, {1, 2}, {}},
      {"tried ones are done", {tried(healthy(1)), healthy(2, 100)}, {2}, {}},
      {"all tried", {tried(healthy(1)), tried(unknown(2)), tried(sick(3))}, {}, {}},
      {"sick only when nothing else is left", {sick(1), healthy(2, 100)}, {2}, {1}},
      {"all sick", {sick(1), sick(2)}, {}, {1, 2}},
      {"of the sick the less busy", {sick(1, 1), sick(2)}, {}, {2}},
      {"open only when nothing else is left", {open(1), healthy(2, 100)}, {2}, {1}},
      {"open and sick are equally bad", {open(1), sick(2)}, {}, {1, 2}},
      {"asked to wait: never", {left_alone(1), healthy(2)}, {2}, {}},
      {"all asked to wait", {left_alone(1), left_alone(2)}, {}, {}},
      {"asked to wait and tried", {tried(left_alone(1)), open(2)}, {}, {2}},
      {"half open first", {half_open(1), healthy(2)}, {1}, {}},
      {"half open and tried", {tried(half_open(1)), healthy(2)}, {2}, {}},
      {"half open but its probes fail", {half_open(1, Verdict::unhealthy), healthy(2)}, {2}, {1}},
      {"half open with its trial under way", {on_trial(1), healthy(2)}, {2}, {1}},
      {"the faster", {timed(1, 30ms), timed(2, 20ms)}, {2}, {}},
      {"the faster in spite of its load", {timed(1, 100ms), timed(2, 20ms, 3)}, {2}, {}},
      {"the slower for its rival's load", {timed(1, 100ms), timed(2, 20ms, 5)}, {1}, {}},
      {"an unknown time: by load", {timed(1, 1s, 1), healthy(2, 2)}, {1}, {}},
      {"the index is the caller's", {healthy(40), healthy(4), healthy(400)}, {4, 40, 400}, {}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(picks_of(c.views, Effort::normal), c.normal) << c.name;
    EXPECT_EQ(picks_of(c.views, Effort::last_resort), c.last_resort) << c.name;
  }
}

constexpr std::uint16_t untold = LoadFigures::untold;

TEST(Balancer, KnowsWhatServersTell) {
  const struct {
    const char* name;
    Views views;
    Picks expected;
  } cases[] = {
      {"who runs less", {told(1, {0, 5, untold, 0}), told(2, {0, 4, untold, 0})}, {2}},
      {"others' requests count", {told(1, {0, 9, untold, 0}, 1), healthy(2, 5)}, {2}},
      {"our own are among them", {told(1, {0, 5, untold, 0}, 5), healthy(2, 6)}, {1}},
      {"those on their way count", {told(1, {0, 1, untold, 0}, 5), healthy(2, 4)}, {2}},
      {"a queue is worse than a crowd",
       {told(1, {2, 4, untold, 0}), told(2, {0, 7, untold, 0})},
       {2}},
      {"a cache that runs full", {told(1, {0, 4, untold, 980}), told(2, {0, 5, untold, 300})}, {2}},
      {"a cache with room says nothing",
       {told(1, {0, 4, untold, 790}), told(2, {0, 5, untold, 0})},
       {1}},
      {"slots", {told(1, {untold, 2, 4, untold}), told(2, {untold, 3, 4, untold})}, {1}},
      {"nothing told", {told(1, {}, 1), told(2, {})}, {2}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(picks_of(c.views, Effort::normal), c.expected) << c.name;
}

TEST(Balancer, KeepsPeaceWhereItCan) {
  const struct {
    const char* name;
    Views views;
    Picks normal;
    Picks any;
    Picks last_resort;
  } cases[] = {
      {"warm before cold", {cold(1), healthy(2, 50)}, {2}, {}, {}},
      {"cold before nothing", {cold(1), sick(2)}, {1}, {}, {2}},
      {"the less busy of the cold is at nothing", {cold(1), cold(2, 1)}, {1}, {2}, {}},
      {"of the cold the one with room", {crowded(1, 1), cold(2)}, {2}, {}, {}},
      {"of the cold the less crowded", {crowded(1, 2), crowded(2, 1)}, {2}, {}, {}},
      {"loading would disturb, whoever does it", {cold(1, 1), cold(2, 2)}, {}, {1}, {}},
      {"a trial before a cold one", {cold(1), half_open(2)}, {2}, {}, {}},
      {"one that may not hold the prompt",
       {lacking(1, Lack::context_maybe), healthy(2, 9)},
       {2},
       {1},
       {}},
      {"one that is about to run into its limit", {near_limit(1), healthy(2, 9)}, {2}, {1}, {}},
      {"rather load than run into a limit", {near_limit(1), cold(2)}, {2}, {1}, {}},
      {"one that can not", {lacking(1, Lack::context)}, {}, {}, {}},
      {"without tools", {lacking(1, Lack::tools), healthy(2)}, {2}, {}, {}},
      {"blind", {lacking(1, Lack::vision)}, {}, {}, {}},
      {"an outlier", {ejected(1), healthy(2, 9)}, {2}, {}, {1}},
      {"an outlier before a sick one", {ejected(1), sick(2)}, {}, {}, {1}},
      {"sick, but forgiven", {forgiven(1), healthy(2)}, {1, 2}, {}, {}},
      {"loading", {saying(1, Verdict::cold), healthy(2)}, {2}, {}, {1}},
      {"draining", {saying(1, Verdict::draining), healthy(2)}, {2}, {}, {1}},
      {"draining before loading",
       {saying(1, Verdict::cold), saying(2, Verdict::draining)},
       {},
       {},
       {2}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(picks_of(c.views, Effort::normal), c.normal) << c.name;
    EXPECT_EQ(picks_of(c.views, Effort::any), c.any) << c.name;
    EXPECT_EQ(picks_of(c.views, Effort::last_resort), c.last_resort) << c.name;
  }
}

TEST(Balancer, SaysWhy) {
  const struct {
    EndpointView view;
    Why why;
  } cases[] = {
      {healthy(1), Why::not_drawn},
      {unknown(1), Why::not_drawn},
      {forgiven(1), Why::not_drawn},
      {cold(1), Why::cold},
      {cold(1, 1), Why::disturbs},
      {lacking(1, Lack::context_maybe), Why::may_not_fit},
      {near_limit(1), Why::near_limit},
      {lacking(1, Lack::context), Why::does_not_fit},
      {lacking(1, Lack::tools), Why::no_tools},
      {lacking(1, Lack::vision), Why::no_vision},
      {ejected(1), Why::outlier},
      {saying(1, Verdict::cold), Why::loading},
      {saying(1, Verdict::draining), Why::draining},
      {sick(1), Why::unhealthy},
      {open(1), Why::breaker_open},
      {left_alone(1), Why::asked_to_wait},
      {sick_and_left_alone(1), Why::asked_to_wait},
      {half_open(1), Why::on_trial},
      {on_trial(1), Why::on_trial},
      {tried(sick(1)), Why::tried},
  };
  std::set<std::string_view> names;
  for (const auto& c : cases) {
    EXPECT_EQ(why_not(c.view), c.why) << to_string(c.why);
    EXPECT_FALSE(to_string(c.why).empty());
    names.insert(to_string(c.why));
  }
  EXPECT_EQ(to_string(Why::chosen), "chosen");
  EXPECT_EQ(names.size(), 16U) << "each has a name of its own";
  EXPECT_EQ(score_of(healthy(1, 2)), 3);
  EXPECT_EQ(score_of(timed(1, 20ms, 2)), 60);
}

TEST(Balancer, NoLateRequestLoadsAModel) {
  EXPECT_EQ(picks_of({cold(1)}, Effort::proven), Picks{});
}

TEST(Balancer, TriesNobodyOutForALateRequest) {
  EXPECT_EQ(picks_of({half_open(1), healthy(2)}, Effort::proven), Picks{2});
  EXPECT_EQ(picks_of({half_open(1), sick(2), open(3)}, Effort::proven), Picks{});
}

// Two of many are looked at as a rule; who is picked how often is the same.
TEST(Balancer, OfManyLooksAtTwo) {
  Views views;
  for (std::uint32_t i = 0; i < 100; ++i)
    views.push_back(healthy(i, i));
  views[0] = sick(0);
  size_t looks = 0;
  const auto view_of = [&](size_t i) {
    ++looks;
    return views[i];
  };
  constexpr int draws = 20'000;
  Random random(1);
  std::array<int, 10> lazily{};
  std::array<int, 10> eagerly{};
  for (int i = 0; i < draws; ++i) {
    ++lazily[pick_endpoint(views.size(), view_of, Effort::normal, random)->index / 10];
    ++eagerly[pick_endpoint(views, Effort::normal, random)->index / 10];
  }
  EXPECT_LT(looks, draws * 5U);
  for (size_t i = 0; i < lazily.size(); ++i)
    EXPECT_NEAR(lazily[i], eagerly[i], draws * 0.015) << i;
  EXPECT_TRUE(pick_endpoint(0, view_of, Effort::normal, random) == std::nullopt);
  EXPECT_EQ(pick_endpoint(views.size(), view_of, Effort::last_resort, random)->index, 0U);
}

TEST(Balancer, SaysThatATrialIsToBeTaken) {
  Random random(1);
  EXPECT_TRUE(pick_endpoint(Views{half_open(1)}, Effort::normal, random)->trial);
  EXPECT_FALSE(pick_endpoint(Views{healthy(1)}, Effort::normal, random)->trial);
}

TEST(Balancer, EqualsShareEqually) {
  constexpr int draws = 12'000;
  const Views views{healthy(0), healthy(1), healthy(2), healthy(3)};
  Random random(1);
  std::map<std::uint32_t, int> count;
  for (int i = 0; i < draws; ++i)
    ++count[pick_endpoint(views, Effort::normal, random).value().index];
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
    ++count[pick_endpoint(views, Effort::normal, random).value().index];
  EXPECT_NEAR(count[0], draws * 3 / 6, draws * 0.02);
  EXPECT_NEAR(count[1], draws * 2 / 6, draws * 0.02);
  EXPECT_NEAR(count[2], draws * 1 / 6, draws * 0.02);
  EXPECT_EQ(count[3], 0);
}

}  // namespace
}  // namespace rocket
