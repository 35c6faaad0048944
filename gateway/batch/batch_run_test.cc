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
      EXPECT_EQ(batches.finish(id, 60s).status, BatchStatus::completed);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

}  // namespace
}  // namespace rocket
