#include "batch/batch_run.h"

#include <gtest/gtest.h>

#include "testing/sim_batches.h"

// Batches beside each other: which of them has a turn.
namespace rocket {
namespace {

// Two models, each of a backend of its own.
std::vector<SimGateway::BackendSpec> two_backends() {
  FakeScript script;
  script.head_delay = 50ms;
  std::vector<SimGateway::BackendSpec> specs;
  for (const char* const name : {"a", "b"}) {
    script.models = {std::string("model-") + name};
    specs.push_back({.name = name, .endpoints = {script}, .default_model = script.models.front()});
  }
  return specs;
}

std::string lines_of(const std::string& backend, int count) {
  std::string text = sim_lines(count);
  constexpr std::string_view usual = "fake-model";
  for (std::size_t at = 0; (at = text.find(usual, at)) != std::string::npos;)
    text.replace(at, usual.size(), "model-" + backend);
  return text;
}

TEST(BatchRun, batches_that_can_not_go_on_hold_up_no_others) {
  struct Case {
    const char* name;
    int waiting;  // of two that may be at work
    bool begun;   // one that could go on
  };
  const Case cases[] = {
      {"as many as may be at work", 2, true},
      {"many more", 15, true},
      {"as many as there is room for", 16, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Config config;
    config.batch.batches = 2;
    config.batch.backoff_max = 2s;
    SimGateway gateway(1, two_backends(), config);
    SimBatches batches(gateway);
    batches.run_for(1s);
    gateway.refuse("a");
    batches.start("one");
    std::vector<std::string> waiting;
    for (int i = 0; i < c.waiting; ++i)
      waiting.push_back(batches.make(lines_of("a", 3)));
    batches.run_for(30s);
    const std::string other = batches.make(lines_of("b", 10));
    EXPECT_EQ(batches.finish(other, 10s).completed, c.begun ? 10U : 0U);
    EXPECT_LE(batches.engine("one").running(), 16U);
    gateway.link("a").connect = SimLink::Connect::accept;
    waiting.push_back(other);
    for (const std::string& id : waiting)
      EXPECT_EQ(batches.finish(id).status, BatchStatus::completed);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// Its lease runs out while the store can not be asked, and it hears of that a while later.
TEST(BatchRun, who_has_lost_a_batch_begins_no_more_of_its_lines) {
  constexpr std::uint32_t in_flight = 4;
  for (int i = 0; i < 8; ++i) {
    SCOPED_TRACE(i);
    Config config;
    config.batch.lines_in_flight = in_flight;
    SimGateway gateway(1, two_backends(), config);
    SimBatches batches(gateway);
    batches.run_for(1s);
    batches.start("one");
    const std::string id = batches.make(lines_of("b", 400));
    batches.run_for(1s);
    batches.start("other");
    batches.store().refuse(Error{ErrorCode::store_unavailable, "away"});
    batches.run_for(6s + i * 200ms);
    batches.store().refuse(std::nullopt);
    EXPECT_EQ(batches.finish(id).completed, 400U);
    // What it was asking, what it had ready, and what of both it could not write down in time.
    EXPECT_LE(gateway.fake("b").counters().requests, 400U + 4 * in_flight);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

}  // namespace
}  // namespace rocket
