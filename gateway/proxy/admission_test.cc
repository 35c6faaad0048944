#include "proxy/admission.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"

// Who starts, who waits and who is turned away when endpoints have as much to do as they may, as
// clients and upstreams see it.
namespace rocket {
namespace {

using nlohmann::json;

SimGateway::BackendSpec backend(const std::string& name, size_t endpoints, Duration time) {
  FakeScript script;
  script.head_delay = time;
  return {.name = name,
          .endpoints = std::vector<FakeScript>(endpoints, script),
          .default_model = "fake-model"};
}

Config with_places(std::uint32_t per_endpoint) {
  Config config;
  config.limits.in_flight_per_endpoint = per_endpoint;
  config.hedge.on = false;
  return config;
}

std::string chat(const std::string& lane = "", const std::string& more = "") {
  return sim_post("/v1/chat/completions",
                  "{" + more + R"("messages":[{"role":"user","content":"hi"}]})",
                  lane.empty() ? "" : "x-rocket-lane: " + lane + "\r\n");
}

using Requests = std::vector<std::unique_ptr<SimRequest>>;

void send(SimGateway& gateway, Requests& requests, size_t count, const std::string& bytes) {
  for (size_t i = 0; i < count; ++i)
    requests.push_back(gateway.send(bytes));
}

size_t answered(const Requests& requests) {
  return static_cast<size_t>(std::ranges::count_if(
      requests, [](const auto& one) { return one->ended() && one->status() == 200; }));
}

Duration took(const SimRequest& request) {
  return request.ended_at() - request.sent_at();
}

Duration p95(const Requests& requests) {
  std::vector<Duration> times;
  for (const auto& one : requests)
    times.push_back(took(*one));
  std::ranges::sort(times);
  return times[times.size() * 95 / 100];
}

TEST(Admission, an_endpoint_never_has_more_than_it_may_and_everybody_is_answered) {
  SimGateway gateway(1, {backend("a", 2, 50ms)}, with_places(4));
  Requests requests;
  send(gateway, requests, 100, chat());
  gateway.loop.run_for(10s);
  EXPECT_EQ(answered(requests), 100U);
  EXPECT_EQ(gateway.fake("a", 0).counters().in_flight_max, 4U);
  EXPECT_EQ(gateway.fake("a", 1).counters().in_flight_max, 4U);
  requests.clear();
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Admission, a_full_backend_leaves_its_requests_to_the_next_in_order) {
  SimGateway gateway(1, {backend("a", 1, 50ms), backend("b", 1, 50ms)}, with_places(2));
  Requests requests;
  send(gateway, requests, 4, chat());
  gateway.loop.run_for(1s);
  EXPECT_EQ(answered(requests), 4U);
  for (const auto& one : requests)
    EXPECT_LE(took(*one), 60ms) << "nobody had to wait";
  EXPECT_EQ(gateway.fake("b").counters().requests, 2U);
}

struct LimitCase {
  const char* name;
  void (*set)(Config&);
};

class FewAtOnce : public testing::TestWithParam<LimitCase> {};

TEST_P(FewAtOnce, holds) {
  std::vector<SimGateway::BackendSpec> specs{backend("a", 3, 50ms)};
  Config config;
  config.hedge.on = false;
  GetParam().set(config);
  SimGateway gateway(1, specs, config);
  // The backends are the gateway's to fill in; their limits come with a reload.
  Config limited = gateway.control.snapshot()->config;
  GetParam().set(limited);
  ASSERT_TRUE(gateway.control.apply(limited).has_value());
  Requests requests;
  send(gateway, requests, 20, chat("", R"("model":"fast",)"));
  size_t most = 0;
  for (int i = 0; i < 4000; ++i) {
    gateway.loop.run_for(1ms);
    size_t now = 0;
    for (size_t k = 0; k < 3; ++k)
      now += gateway.fake("a", k).counters().in_flight;
    most = std::max(most, now);
  }
  EXPECT_EQ(answered(requests), 20U);
  EXPECT_EQ(most, 5U);
  requests.clear();
  EXPECT_EQ(gateway.leftovers(), "");
}

void few_at_the_backend(Config& config) {
  config.models["fast"].candidates = {{.backend = "a", .model = "fake-model", .weight = 0}};
  for (BackendConfig& backend : config.backends)
    backend.in_flight = 5;
}
void few_for_the_route(Config& config) {
  config.models["fast"].candidates = {{.backend = "a", .model = "fake-model", .weight = 0}};
  config.models["fast"].in_flight = 5;
}

INSTANTIATE_TEST_SUITE_P(Admission, FewAtOnce,
                         testing::Values(LimitCase{"of_a_backend", few_at_the_backend},
                                         LimitCase{"of_a_route", few_for_the_route}),
                         [](const auto& test) { return test.param.name; });

TEST(Admission, beyond_the_queue_a_request_is_turned_away_at_once) {
  Config config = with_places(1);
  config.lanes.interactive.queue = 3;
  SimGateway gateway(1, {backend("a", 1, 500ms)}, config);
  Requests requests;
  send(gateway, requests, 4, chat());
  gateway.loop.run_for(10ms);
  const auto refused = gateway.ask(chat());
  EXPECT_EQ(refused->status(), 503);
  EXPECT_LT(took(*refused), 100ms);
  EXPECT_NE(refused->header("retry-after"), "");
  const json error = json::parse(refused->body())["error"];
  EXPECT_EQ(error["code"], "overloaded");
  EXPECT_NE(error["message"].get<std::string>().find("lanes.interactive.queue"), std::string::npos);
  const auto other = gateway.send(chat("normal"));
  gateway.loop.run_for(5s);
  EXPECT_EQ(other->status(), 200) << "each lane has its own room";
  EXPECT_EQ(answered(requests), 4U);
}

TEST(Admission, a_queue_without_a_practical_bound_has_room_at_each_of_several_loops) {
  Config config = with_places(1);
  config.threads = 2;
  config.lanes.interactive.queue = UINT32_MAX;
  SimGateway gateway(1, {backend("a", 1, 500ms)}, config);
  Requests requests;
  send(gateway, requests, 3, chat());
  gateway.loop.run_for(5s);
  EXPECT_EQ(answered(requests), 3U);
}

TEST(Admission, whoever_obeys_retry_after_is_served) {
  Config config = with_places(1);
  config.lanes.interactive.queue = 1;
  SimGateway gateway(1, {backend("a", 1, 3s)}, config);
  EXPECT_EQ(gateway.ask(chat())->status(), 200);
  // One is served and one waits: so few that nobody sees how far apart starts are.
  Requests requests;
  send(gateway, requests, 2, chat());
  gateway.loop.run_for(10ms);
  const auto refused = gateway.ask(chat());
  EXPECT_EQ(refused->status(), 503);
  const int wait = std::stoi(refused->header("retry-after"));
  EXPECT_GE(wait, 6);
  EXPECT_LE(wait, 7);
  gateway.loop.run_for(std::chrono::seconds(wait));
  EXPECT_EQ(gateway.ask(chat())->status(), 200);
  EXPECT_EQ(answered(requests), 2U);
}

TEST(Admission, whose_probes_fail_for_all_its_work_is_waited_for) {
  SimGateway gateway(1, {backend("a", 1, 300ms)}, with_places(1));
  const auto first = gateway.send(chat());
  gateway.loop.run_for(10ms);
  gateway.endpoint("a").verdict = Verdict::unhealthy;
  const auto second = gateway.send(chat());
  gateway.finish(*second);
  EXPECT_EQ(second->status(), 200);
}

TEST(Admission, a_queue_for_one_backend_turns_nobody_away_from_another) {
  Config config = with_places(1);
  config.lanes.interactive.queue = 2;
  SimGateway gateway(1, {backend("a", 1, 500ms), backend("b", 1, 500ms)}, config);
  Config apart = gateway.control.snapshot()->config;
  apart.models["one"].candidates = {{.backend = "a", .model = "fake-model", .weight = 0}};
  apart.models["other"].candidates = {{.backend = "b", .model = "fake-model", .weight = 0}};
  ASSERT_TRUE(gateway.control.apply(apart).has_value());
  Requests waiting;
  send(gateway, waiting, 3, chat("", R"("model":"one",)"));
  gateway.loop.run_for(10ms);
  const auto other = gateway.send(chat("", R"("model":"other",)"));
  gateway.finish(*other);
  EXPECT_EQ(other->status(), 200) << other->body();
  EXPECT_LT(took(*other), 550ms);
}

// Half a minute of slow work waits; what is quick has to wait for a moment.
TEST(Admission, the_wait_for_one_model_is_not_that_for_another) {
  Config config = with_places(1);
  SimGateway gateway(1, {backend("a", 1, 2s), backend("b", 1, 50ms)}, config);
  Config apart = gateway.control.snapshot()->config;
  apart.models["slow"].candidates = {{.backend = "a", .model = "fake-model", .weight = 0}};
  apart.models["quick"].candidates = {{.backend = "b", .model = "fake-model", .weight = 0}};
  ASSERT_TRUE(gateway.control.apply(apart).has_value());
  Requests waiting;
  send(gateway, waiting, 30, chat("", R"("model":"slow",)"));
  gateway.loop.run_for(14s);
  const auto refused = gateway.send(chat("", R"("model":"slow",)"));
  gateway.loop.run_for(50ms);
  EXPECT_TRUE(refused->ended()) << "it would have to wait for longer than timeouts.queue";
  for (int i = 0; i < 3; ++i) {
    Requests quick;
    send(gateway, quick, 4, chat("", R"("model":"quick",)"));
    gateway.loop.run_for(300ms);
    EXPECT_EQ(answered(quick), 4U);
  }
  waiting.clear();
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Admission, nobody_waits_longer_than_the_queue_s_timeout) {
  Config config = with_places(1);
  config.timeouts.queue = 200ms;
  SimGateway gateway(1, {backend("a", 1, 800ms)}, config);
  const auto first = gateway.send(chat());
  gateway.loop.run_for(10ms);
  const auto second = gateway.ask(chat());
  EXPECT_EQ(second->status(), 503);
  EXPECT_EQ(json::parse(second->body())["error"]["code"], "no_place");
  EXPECT_NE(second->header("retry-after"), "");
  EXPECT_GE(took(*second), 200ms);
  EXPECT_LE(took(*second), 250ms);
  EXPECT_EQ(gateway.fake("a").counters().requests, 1U);
  gateway.finish(*first);
  EXPECT_EQ(first->status(), 200);
}

TEST(Admission, with_no_time_to_wait_a_full_endpoint_is_a_clear_refusal) {
  Config config = with_places(1);
  config.timeouts.queue = 0s;
  SimGateway gateway(1, {backend("a", 1, 800ms)}, config);
  const auto first = gateway.send(chat());
  gateway.loop.run_for(10ms);
  const auto second = gateway.ask(chat());
  EXPECT_EQ(second->status(), 503);
  EXPECT_LT(took(*second), 50ms);
  EXPECT_NE(second->body().find("timeouts.queue"), std::string::npos);
  gateway.finish(*first);
}

TEST(Admission, who_would_wait_too_long_is_told_at_once_how_long) {
  Config config = with_places(1);
  config.timeouts.queue = 2400ms;
  config.lanes.interactive.queue = 1000;
  SimGateway gateway(1, {backend("a", 1, 800ms)}, config);
  Requests warm_up;
  send(gateway, warm_up, 3, chat());
  gateway.loop.run_for(1200ms);
  send(gateway, warm_up, 2, chat());
  gateway.loop.run_for(800ms);
  send(gateway, warm_up, 1, chat());
  gateway.loop.run_for(800ms);
  send(gateway, warm_up, 1, chat());
  gateway.loop.run_for(1600ms);
  send(gateway, warm_up, 1, chat());
  // It is known by now that a place comes free every 800 ms.
  Requests requests;
  for (int i = 0; i < 8; ++i) {
    requests.push_back(gateway.send(chat()));
    gateway.loop.run_for(5ms);
  }
  size_t at_once = 0;
  for (const auto& one : requests) {
    if (!one->ended()) continue;
    EXPECT_EQ(one->status(), 503);
    const int wait = std::stoi(one->header("retry-after"));
    EXPECT_GE(wait, 2);
    EXPECT_LE(wait, 6);
    ++at_once;
  }
  EXPECT_GE(at_once, 4U);
  gateway.loop.run_for(20s);
  for (const auto& one : requests) {
    if (one->status() == 200) {
      EXPECT_LE(took(*one), 5s);
    }
  }
  EXPECT_EQ(answered(warm_up), warm_up.size());
}

TEST(Admission, who_waits_at_a_silent_endpoint_has_a_turn_at_a_busy_one) {
  Config config;
  config.limits.in_flight_per_endpoint = 2;
  SimGateway gateway(1, {backend("a", 2, 80ms)}, config);
  Requests requests;
  const auto load = [&](Duration time, Duration pause) {
    const TimePoint end = gateway.loop.now() + time;
    while (gateway.loop.now() < end) {
      requests.push_back(gateway.send(chat()));
      gateway.loop.run_for(pause);
    }
  };
  load(3s, 50ms);
  gateway.fake("a").script().fault = Fault::hang_before_head;
  // More than the other one can do, so that somebody always waits for a place there.
  load(8s, 35ms);
  gateway.loop.run_for(30s);
  EXPECT_EQ(answered(requests), requests.size());
  for (const auto& one : requests)
    EXPECT_LE(took(*one), 5s);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Admission, a_client_that_hangs_up_while_it_waits_is_asked_of_nobody) {
  SimGateway gateway(1, {backend("a", 1, 300ms)}, with_places(1));
  const auto first = gateway.send(chat());
  gateway.loop.run_for(10ms);
  const auto second = gateway.send(chat());
  const auto third = gateway.send(chat());
  gateway.loop.run_for(10ms);
  second->abort();
  gateway.finish(*third);
  EXPECT_EQ(third->status(), 200);
  EXPECT_EQ(gateway.fake("a").counters().requests, 2U);
  EXPECT_EQ(gateway.leftovers(), "");
}

// The place that it gives back, that of its route, could be offered to itself.
TEST(Admission, a_client_that_hangs_up_while_it_waits_once_more_takes_no_place_along) {
  FakeScript broken;
  broken.fault = Fault::status_500;
  SimGateway gateway(
      1,
      {{.name = "a", .endpoints = {broken}, .default_model = "fake-model"}, backend("b", 1, 50ms)},
      with_places(1));
  Config config = gateway.control.snapshot()->config;
  config.models["fast"].candidates = {{.backend = "a", .model = "fake-model", .weight = 0},
                                      {.backend = "b", .model = "fake-model", .weight = 0}};
  config.models["fast"].in_flight = 5;
  ASSERT_TRUE(gateway.control.apply(config).has_value());
  Capacity::Hold taken = gateway.endpoint("b").places.take(Lane::normal);
  const auto request = gateway.send(chat("", R"("model":"fast",)"));
  gateway.loop.run_for(30ms);
  EXPECT_EQ(gateway.fake("a").counters().requests, 1U);
  EXPECT_TRUE(gateway.state.admission.anyone_waits());
  // Without a word from whoever gives it back, as at another loop.
  taken.release();
  request->abort();
  EXPECT_EQ(gateway.leftovers(), "");
  EXPECT_EQ(gateway.fake("b").counters().requests, 0U);
}

TEST(Admission, a_stream_that_waits_hears_a_heartbeat) {
  Config config = with_places(1);
  config.heartbeat = 100ms;
  SimGateway gateway(1, {backend("a", 1, 800ms)}, config);
  const auto first = gateway.send(chat());
  gateway.loop.run_for(10ms);
  const auto second = gateway.send(sim_chat(true));
  gateway.loop.run_for(500ms);
  EXPECT_NE(second->first_byte_at(), never);
  gateway.finish(*second);
  EXPECT_TRUE(second->has_done());
}

TEST(Admission, an_endpoint_that_gets_well_takes_those_who_wait) {
  SimGateway gateway(1, {backend("a", 2, 300ms)}, with_places(1));
  gateway.endpoint("a", 1).places.set_most(1);
  Capacity::Hold taken = gateway.endpoint("a", 1).places.take(Lane::normal);
  const auto first = gateway.send(chat());
  gateway.loop.run_for(10ms);
  const auto second = gateway.send(chat());
  gateway.loop.run_for(20ms);
  EXPECT_EQ(gateway.fake("a", 1).counters().requests, 0U);
  // Without a word from whoever gives it back, as at another loop.
  taken.release();
  gateway.loop.run_for(60ms);
  EXPECT_EQ(gateway.fake("a", 1).counters().requests, 1U);
  gateway.finish(*second);
  EXPECT_EQ(second->status(), 200);
}

TEST(Admission, lanes_come_from_the_operation_and_the_header_only_lowers_them) {
  struct Case {
    const char* header;
    int status;
    const char* counted;
  };
  const Case cases[] = {
      {"", 200, "interactive"}, {"interactive", 200, "interactive"}, {"normal", 200, "normal"},
      {"batch", 200, "batch"},  {"urgent", 400, "interactive"},
  };
  for (const Case& c : cases) {
    SimGateway gateway(1, {backend("a", 1, 10ms)}, with_places(1));
    const auto request = gateway.ask(chat(c.header));
    EXPECT_EQ(request->status(), c.status) << c.header;
    if (c.status != 200) {
      EXPECT_NE(request->body().find("x-rocket-lane"), std::string::npos);
      continue;
    }
    for (const FamilySnapshot& family : gateway.metrics.collect(gateway.loop.now())) {
      if (family.info->family != Family::queue_wait) continue;
      for (size_t i = 0; i < family.labels.size(); ++i) {
        const bool this_one = family.labels[i].find(c.counted) != std::string_view::npos;
        EXPECT_EQ(family.values[i * family.values_per_series], this_one ? 1U : 0U)
            << c.header << " " << family.labels[i];
      }
    }
  }
}

// 50 ms an answer; a flood of batch work that never ends beside ten people.
Duration interactive_p95(bool flood, std::uint32_t places) {
  SimGateway gateway(7, {backend("a", 1, 50ms)}, with_places(places));
  Requests batch;
  Requests people;
  for (int i = 0; i < 100; ++i) {
    // Twice what the endpoint can do.
    if (flood) send(gateway, batch, places * 2, chat("batch"));
    people.push_back(gateway.send(chat("interactive")));
    gateway.loop.run_for(50ms);
  }
  gateway.loop.run_for(60s);
  EXPECT_EQ(answered(people), people.size());
  return p95(people);
}

TEST(Admission, a_flood_of_batch_work_does_not_hold_people_up) {
  for (const std::uint32_t places : {2U, 8U, 64U}) {
    const Duration alone = interactive_p95(false, places);
    const Duration beside = interactive_p95(true, places);
    EXPECT_LE(beside, alone + 5ms) << places << " places";
  }
}

TEST(Admission, at_twice_the_capacity_the_goodput_stays_and_the_wait_is_bounded) {
  Config config = with_places(8);
  config.timeouts.queue = 1s;
  SimGateway gateway(3, {backend("a", 1, 50ms)}, config);
  // 160 requests a second are all it can answer.
  Requests requests;
  constexpr int seconds = 20;
  for (int i = 0; i < seconds * 320; ++i) {
    requests.push_back(gateway.send(chat()));
    gateway.loop.run_for(3125us);
  }
  gateway.loop.run_for(5s);
  const size_t good = answered(requests);
  EXPECT_GE(good, static_cast<size_t>(seconds) * 160 * 9 / 10);
  Requests accepted;
  for (auto& one : requests) {
    if (one->status() == 200) {
      accepted.push_back(std::move(one));
    } else {
      EXPECT_EQ(one->status(), 503);
      EXPECT_NE(one->header("retry-after"), "");
    }
  }
  EXPECT_LE(p95(accepted), 1100ms);
}

TEST(Admission, requests_of_one_lane_are_answered_as_they_came) {
  SimGateway gateway(1, {backend("a", 1, 50ms)}, with_places(1));
  Requests requests;
  send(gateway, requests, 5, chat());
  gateway.loop.run_for(2s);
  for (size_t i = 1; i < requests.size(); ++i)
    EXPECT_LE(requests[i - 1]->ended_at(), requests[i]->ended_at()) << "first come, first served";
}

}  // namespace
}  // namespace rocket
