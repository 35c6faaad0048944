#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "testing/sim_gateway.h"

// What the tests of knowing and of choosing endpoints have in common.
namespace rocket {

// Long enough for a probe of each endpoint, however the jitter falls.
inline constexpr Duration probe_interval = 2500ms;

inline FakeScript server(FakeKind kind, std::vector<std::string> models = {"x"}) {
  FakeScript script;
  script.kind = kind;
  script.models = std::move(models);
  script.head_delay = 20ms;
  return script;
}

inline SimGateway::BackendSpec backend(const std::string& name, BackendKind kind,
                                       std::vector<FakeScript> endpoints) {
  return {.name = name, .endpoints = std::move(endpoints), .default_model = "", .kind = kind};
}

inline std::string asking(const std::string& model, bool stream = false,
                          const std::string& more = "") {
  return sim_chat(stream, "\"model\":\"" + model + "\"," + more);
}

// How many of `count` requests, one after the other, each endpoint of `a` is sent.
inline std::vector<std::uint64_t> shares(SimGateway& gateway, size_t endpoints, int count) {
  std::vector<std::uint64_t> before;
  for (size_t i = 0; i < endpoints; ++i)
    before.push_back(gateway.fake("a", i).counters().requests);
  for (int i = 0; i < count; ++i)
    EXPECT_EQ(gateway.ask(asking("x"))->status(), 200);
  std::vector<std::uint64_t> shares;
  for (size_t i = 0; i < endpoints; ++i)
    shares.push_back(gateway.fake("a", i).counters().requests - before[i]);
  return shares;
}

inline BreakerState breaker(SimGateway& gateway, size_t endpoint = 0) {
  return gateway.endpoint("a", endpoint).breaker.standing(gateway.loop.now()).state;
}

}  // namespace rocket
