#include "proxy/entrance.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/sim_gateway.h"

// Who waits for a place that not everybody could use, as clients and upstreams see it.
namespace rocket {
namespace {

FakeScript answering_in(Duration time, Fault fault = Fault::none) {
  FakeScript script;
  script.head_delay = time;
  script.fault = fault;
  return script;
}

SimGateway::BackendSpec backend(const std::string& name, const FakeScript& script) {
  return {.name = name, .endpoints = {script}, .default_model = "fake-model"};
}

Config with_one_place() {
  Config config;
  config.limits.in_flight_per_endpoint = 1;
  return config;
}

// The place would be held until the attempt that still runs has ended, and be of use to nobody.
TEST(Entrance, who_may_ask_nobody_more_waits_for_no_place) {
  Config config = with_one_place();
  config.retry.attempts = 1;
  SimGateway gateway(1,
                     {backend("a", answering_in(80ms)), backend("b", answering_in(80ms)),
                      backend("c", answering_in(80ms))},
                     config);
  for (const std::string name : {"a", "b"}) {
    for (int i = 0; i < 30; ++i)
      EXPECT_EQ(gateway.ask(sim_chat(false, R"("backend":")" + name + "\","))->status(), 200);
  }
  gateway.fake("a").script() = answering_in(0s, Fault::hang_before_head);
  gateway.fake("b").script() = answering_in(1500ms, Fault::status_500);
  Capacity& places = gateway.endpoint("c").places;
  Capacity::Hold taken = places.take(Lane::interactive);
  const auto request = gateway.send(sim_chat(false));
  gateway.loop.run_for(2200ms);
  EXPECT_EQ(gateway.fake("b").counters().requests, 31U);
  EXPECT_TRUE(gateway.state.admission.anyone_waits()) << "a and b are late, and c has no place";
  gateway.loop.run_for(500ms);
  EXPECT_FALSE(gateway.state.admission.anyone_waits()) << "b has failed, and that was all";
  taken.release();
  gateway.loop.run_for(500ms);
  EXPECT_EQ(places.held(), 0U);
  EXPECT_FALSE(request->ended());
  request->abort();
  EXPECT_EQ(gateway.leftovers(), "");
}

// It has asked the endpoint that they could go to, and waits for the other one.
TEST(Entrance, who_has_fewer_places_to_go_to_holds_up_nobody_behind_him) {
  SimGateway gateway(
      1, {backend("a", answering_in(0s, Fault::status_500)), backend("b", answering_in(50ms))},
      with_one_place());
  Capacity::Hold at_b = gateway.endpoint("b").places.take(Lane::interactive);
  const auto first = gateway.send(sim_chat(false));
  gateway.loop.run_for(30ms);
  EXPECT_EQ(gateway.fake("a").counters().requests, 1U);
  EXPECT_TRUE(gateway.state.admission.anyone_waits());

  gateway.fake("a").script() = answering_in(50ms);
  Capacity::Hold at_a = gateway.endpoint("a").places.take(Lane::interactive);
  const auto second = gateway.send(sim_chat(false));
  gateway.loop.run_for(30ms);
  EXPECT_EQ(gateway.fake("a").counters().requests, 1U) << "it waits as well";
  at_a.release();
  gateway.loop.run_for(200ms);
  EXPECT_EQ(second->status(), 200);
  EXPECT_FALSE(first->ended());
  at_b.release();
  gateway.loop.run_for(200ms);
  EXPECT_EQ(first->status(), 200);
  EXPECT_EQ(gateway.leftovers(), "");
}

}  // namespace
}  // namespace rocket
