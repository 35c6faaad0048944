#include <gtest/gtest.h>

#include "base/random.h"
#include "testing/steady_load.h"

// Endpoints that answer their probes and nobody or not everybody else, or only slowly: who is left,
// and what it costs.
namespace rocket {
namespace {

struct GrayCase {
  const char* name;
  bool one_backend;
  bool stream;
  void (*strike)(SimGateway&);
  void (*recover)(SimGateway&);
};

void send_heads(SimGateway& gateway) {
  gateway.fake("a").script().fault = Fault::hang_mid_stream;
  gateway.fake("a").script().at = 0;
}
void drip(SimGateway& gateway) {
  gateway.fake("a").script().fault = Fault::drip_body;
}
void answer_again(SimGateway& gateway) {
  gateway.fake("a").script() = answering_in(80ms);
}
void stop_process(SimGateway& gateway) {
  hang(gateway);
  gateway.fake("a").script().fault_probes = true;
}
void kill_process(SimGateway& gateway) {
  gateway.refuse("a");
}
void cut_network(SimGateway& gateway) {
  gateway.link("a").connect = SimLink::Connect::black_hole;
  stop_process(gateway);
}
void reconnect(SimGateway& gateway) {
  gateway.link("a").connect = SimLink::Connect::accept;
  answer_again(gateway);
}

class GrayFailure : public testing::TestWithParam<GrayCase> {};

// 500 requests to learn from, then one of two endpoints falls silent under 100 requests a second
// for 30 s: none is lost, none stalls, the endpoint is left, and used again once it answers.
TEST_P(GrayFailure, LosesNothing) {
  SimGateway gateway(11, pair(GetParam().one_backend));
  Load warm_up(gateway, GetParam().stream);
  warm_up.run(5s, 10ms);
  ASSERT_EQ(warm_up.lost(), 0U);

  GetParam().strike(gateway);
  Load load(gateway, GetParam().stream);
  load.run(2s, 10ms);
  const std::uint64_t asked_early = gateway.fake("a").counters().requests;
  load.run(28s, 10ms);
  const std::uint64_t asked_late = gateway.fake("a").counters().requests - asked_early;
  EXPECT_EQ(load.lost(), 0U);
  EXPECT_GE(load.size(), 3000U);
  EXPECT_LE(load.longest(), 2s);
  EXPECT_LE(asked_late, 6U) << "single trials only";

  GetParam().recover(gateway);
  gateway.loop.run_for(70s);
  const std::uint64_t asked_before = gateway.fake("a").counters().requests;
  Load after(gateway, GetParam().stream);
  after.run(10s, 10ms);
  EXPECT_EQ(after.lost(), 0U);
  EXPECT_GE(gateway.fake("a").counters().requests - asked_before, 200U) << "used again";
  EXPECT_EQ(gateway.leftovers(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Table, GrayFailure,
    testing::Values(GrayCase{"hangs", true, false, hang, answer_again},
                    GrayCase{"hangs_streamed", true, true, hang, answer_again},
                    GrayCase{"hangs_other_backend", false, false, hang, answer_again},
                    GrayCase{"hangs_other_backend_streamed", false, true, hang, answer_again},
                    GrayCase{"sends_heads", true, false, send_heads, answer_again},
                    GrayCase{"drips", true, false, drip, answer_again},
                    GrayCase{"sends_heads_streamed", true, true, send_heads, answer_again},
                    GrayCase{"stopped", true, false, stop_process, answer_again},
                    GrayCase{"killed", true, false, kill_process, reconnect},
                    GrayCase{"black_holed", true, false, cut_network, reconnect},
                    GrayCase{"black_holed_streamed", true, true, cut_network, reconnect}),
    [](const auto& one) { return std::string(one.param.name); });

BreakerState breaker_of_a(SimGateway& gateway) {
  return gateway.endpoint("a").breaker.standing(gateway.loop.now()).state;
}

struct ShareCase {
  const char* name;
  bool one_backend;
  bool stream;
  Fault fault;
  std::uint64_t at;
};

class GrayShare : public testing::TestWithParam<ShareCase> {};

// Of ten requests at one of two endpoints three are answered as ever, and of seven nothing is heard
// any more: it is left like one that answers nobody. A trial may be one of the three, so that it
// comes back too early now and then.
TEST_P(GrayShare, LosesNothing) {
  SimGateway gateway(11, pair(GetParam().one_backend));
  Load warm_up(gateway, GetParam().stream);
  warm_up.run(5s, 10ms);
  ASSERT_EQ(warm_up.lost(), 0U);

  FakeScript& script = gateway.fake("a").script();
  script.fault = GetParam().fault;
  script.at = GetParam().at;
  script.fault_share = 0.7;
  Load load(gateway, GetParam().stream);
  TimePoint left_at = never;
  const TimePoint struck_at = gateway.loop.now();
  for (int i = 0; i < 200; ++i) {
    load.run(10ms, 10ms);
    if (left_at == never && breaker_of_a(gateway) == BreakerState::open) {
      left_at = gateway.loop.now();
    }
  }
  ASSERT_NE(left_at, never) << "not left within 2 s";
  EXPECT_LE(left_at - struck_at, 2s);
  const std::uint64_t asked_early = gateway.fake("a").counters().requests;
  load.run(28s, 10ms);
  const std::uint64_t asked_late = gateway.fake("a").counters().requests - asked_early;
  EXPECT_EQ(load.lost(), 0U);
  EXPECT_LE(load.longest(), 2s);
  EXPECT_LE(asked_late, load.size() / 4) << "trials, and what came of three in ten of them";

  answer_again(gateway);
  gateway.loop.run_for(70s);
  const std::uint64_t asked_before = gateway.fake("a").counters().requests;
  Load after(gateway, GetParam().stream);
  after.run(10s, 10ms);
  EXPECT_EQ(after.lost(), 0U);
  EXPECT_GE(gateway.fake("a").counters().requests - asked_before, 200U) << "used again";
  EXPECT_EQ(breaker_of_a(gateway), BreakerState::closed);
  EXPECT_EQ(gateway.leftovers(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Table, GrayShare,
    testing::Values(ShareCase{"hangs", true, false, Fault::hang_before_head, 0},
                    ShareCase{"hangs_streamed", true, true, Fault::hang_before_head, 0},
                    ShareCase{"hangs_other_backend", false, false, Fault::hang_before_head, 0},
                    ShareCase{"sends_heads", true, false, Fault::hang_mid_stream, 0},
                    ShareCase{"sends_heads_streamed", true, true, Fault::hang_mid_stream, 0}),
    [](const auto& one) { return std::string(one.param.name); });

// Both answer everything, each time after another time, far longer than they used to: each is
// overtaken by the other now and then, and neither is left for it.
TEST(Failover, EndpointsThatAreSlowAreNotTakenForSilent) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(11, pair(true));
    Load warm_up(gateway, stream);
    warm_up.run(5s, 10ms);
    ASSERT_EQ(warm_up.lost(), 0U);

    Random random(7);
    Load load(gateway, stream);
    std::uint64_t open = 0;
    for (int i = 0; i < 2000; ++i) {
      for (size_t k = 0; k < 2; ++k) {
        gateway.fake("a", k).script() =
            answering_in(100ms + std::chrono::milliseconds(random.next() % 800));
        open += gateway.endpoint("a", k).breaker.standing(gateway.loop.now()).state ==
                BreakerState::open;
      }
      load.run(10ms, 10ms);
    }
    EXPECT_EQ(load.lost(), 0U);
    EXPECT_EQ(open, 0U) << "stream " << stream;
  }
}

// A smaller machine: it takes between two and four times as long as the other one, and always has.
TEST(Failover, ASlowMachineIsNotTakenForSilent) {
  SimGateway gateway(11, pair(true));
  Random random(7);
  Load load(gateway, false);
  std::uint64_t open = 0;
  for (int i = 0; i < 3000; ++i) {
    gateway.fake("a", 1).script() =
        answering_in(160ms + std::chrono::milliseconds(random.next() % 160));
    open +=
        gateway.endpoint("a", 1).breaker.standing(gateway.loop.now()).state == BreakerState::open;
    load.run(10ms, 10ms);
  }
  EXPECT_EQ(load.lost(), 0U);
  EXPECT_EQ(open, 0U);
}

// What it still says to those whom it has begun to answer is no answer to whoever comes now.
TEST(Failover, AnEndpointWhoseOldStreamsGoOnIsLeftAllTheSame) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(11, pair(true));
    Load warm_up(gateway, stream);
    warm_up.run(5s, 10ms);
    ASSERT_EQ(warm_up.lost(), 0U);

    std::vector<std::unique_ptr<SimRequest>> old;
    for (int i = 0; i < 6; ++i)
      old.push_back(gateway.send(sim_chat(true, R"("fake":{"tokens":200,"event_delay_ms":100},)")));
    gateway.loop.run_for(500ms);
    hang(gateway);
    Load load(gateway, stream);
    load.run(2s, 10ms);
    const std::uint64_t asked_early = gateway.fake("a").counters().requests;
    load.run(8s, 10ms);
    const std::uint64_t asked_late = gateway.fake("a").counters().requests - asked_early;
    EXPECT_EQ(load.lost(), 0U);
    EXPECT_LE(load.longest(), 2s);
    EXPECT_LE(asked_late, 3U) << "single trials only";
    for (const auto& one : old)
      EXPECT_TRUE(one->ended() && one->has_done());
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// Nothing is known of how long requests of their size take, so they are not late for long.
TEST(Failover, WhoWaitsAtAnEndpointThatOthersFindDeadIsMoved) {
  SimGateway gateway(11, pair(true));
  Load warm_up(gateway, false);
  warm_up.run(5s, 10ms);
  ASSERT_EQ(warm_up.lost(), 0U);

  hang(gateway);
  const std::string large = R"("x":")" + std::string(20000, 'x') + R"(",)";
  std::vector<std::unique_ptr<SimRequest>> requests;
  for (int i = 0; i < 8; ++i)
    requests.push_back(gateway.send(sim_chat(false, large)));
  Load load(gateway, false);
  load.run(2s, 10ms);
  EXPECT_EQ(load.lost(), 0U);
  // The time to try it out has come.
  requests.push_back(gateway.ask(sim_chat(false, large)));
  for (const auto& one : requests) {
    EXPECT_EQ(one->status(), 200);
    EXPECT_LE(one->ended_at() - one->sent_at(), 2s);
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

// How long they take is known of others, or as soon as some have been answered.
TEST(Failover, ASortOfRequestThatIsNewIsNotWaitedForInVain) {
  const std::string large = R"("x":")" + std::string(3000, 'x') + R"(",)";
  const std::string before[] = {sim_chat(false), sim_chat(true), sim_chat(false),
                                sim_chat(true, large)};
  const std::string then[] = {sim_chat(true), sim_chat(false), sim_chat(false, large),
                              sim_chat(true)};
  for (size_t i = 0; i < std::size(before); ++i) {
    SimGateway gateway(11, pair(true));
    std::vector<std::unique_ptr<SimRequest>> requests;
    const auto send = [&](const std::string& request) {
      for (int count = 0; count < 100; ++count) {
        requests.push_back(gateway.send(request));
        gateway.loop.run_for(20ms);
      }
    };
    send(before[i]);
    hang(gateway);
    send(then[i]);
    gateway.loop.run_for(2s);
    for (const auto& one : requests) {
      ASSERT_TRUE(one->ended()) << i;
      EXPECT_EQ(one->status(), 200) << i;
      EXPECT_LE(one->ended_at() - one->sent_at(), 2s) << i;
    }
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// It has been well again for a while, which nobody knows: its breaker would be open for longer, and
// that of the other one is closed.
TEST(Failover, WhoWasLeftIsAskedWhenTheOtherFallsSilent) {
  for (const bool stream : {false, true}) {
    SimGateway gateway(11, pair(true));
    Load load(gateway, stream);
    load.run(5s, 20ms);
    hang(gateway);
    load.run(20s, 20ms);
    ASSERT_EQ(breaker_of_a(gateway), BreakerState::open);
    answer_again(gateway);
    gateway.fake("a", 1).script().fault = Fault::hang_before_head;
    load.run(5s, 20ms);
    EXPECT_EQ(breaker_of_a(gateway), BreakerState::closed);
    EXPECT_EQ(load.lost(), 0U);
    EXPECT_LE(load.longest(), 2s);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// Others are answered meanwhile, so that there is something to compare them with.
TEST(Failover, ClientsThatHangUpAreNoSilence) {
  SimGateway gateway(1, pair(true));
  Load load(gateway, false);
  load.run(3s, 10ms);
  for (int i = 0; i < 300; ++i) {
    auto impatient = gateway.send(sim_chat(false, R"("fake":{"fault":"hang_before_head"},)"));
    load.run(20ms, 10ms);
    impatient->abort();
    ASSERT_EQ(breaker_of_a(gateway), BreakerState::closed);
  }
  EXPECT_EQ(load.lost(), 0U);
}

}  // namespace
}  // namespace rocket
