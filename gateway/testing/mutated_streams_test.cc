#include "testing/mutated_streams.h"

#include <gtest/gtest.h>

#include <random>

namespace rocket {
namespace {

TEST(MutatedStreams, WhatReachesAnUpstreamIsCanonical) {
  const std::uint64_t seed = std::random_device()();
  EXPECT_EQ(try_mutated_streams(seed, 5000), "") << "./dev sim --mutated --seed " << seed;
}

// A gateway that passed the client's bytes on as they are would be found at once.
TEST(MutatedStreams, APlantedWeaknessIsFound) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const MutatedStream stream = mutated_stream(seed, "one");
    found += not_canonical(stream.bytes, "gateway").empty() ? 0 : 1;
  }
  EXPECT_GT(found, 50);
}

TEST(MutatedStreams, TheCheckKnowsAGoodRequest) {
  const std::string body = R"({"messages":[]})";
  const std::string rest =
      " HTTP/1.1\r\nhost: u:1\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body;
  const std::string good = "POST /v1/chat/completions" + rest;
  for (const char* target : {"/v1/chat/completions", "/v1/completions", "/v1/completions?a=%20b"})
    EXPECT_EQ(not_canonical("POST " + (target + rest), "u:1"), "") << target;
  for (const char* target : {"/v1/chat/completion", "/v1/completions/", "/v1/completions?#", "/"})
    EXPECT_NE(not_canonical("POST " + (target + rest), "u:1"), "") << target;
  EXPECT_NE(not_canonical(good + "x", "u:1"), "");
  EXPECT_NE(not_canonical(good, "other"), "");
}

}  // namespace
}  // namespace rocket
