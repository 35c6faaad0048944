#include "testing/mutated_streams.h"

#include <gtest/gtest.h>

#include <random>

namespace rocket {
namespace {

TEST(MutatedStreams, WhatReachesAnUpstreamIsCanonical) {
  const std::uint64_t seed = std::random_device()();
  EXPECT_EQ(try_mutated_streams(seed, 5000), "") << "./dev sim --mutated --seed " << seed;
}

// A gateway that passed the client's bytes on as they are would be found at once. Weaknesses of one
// line are planted in the gateway itself: tests/broken_policies.
TEST(MutatedStreams, APlantedWeaknessIsFound) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const MutatedStream stream = mutated_stream(seed, "one");
    found += not_canonical(stream.bytes, "gateway").empty() ? 0 : 1;
  }
  EXPECT_GT(found, 50);
}

TEST(MutatedStreams, TheCheckFindsWhatIsNotCanonical) {
  const std::string body = R"({"messages":[]})";
  const std::string start = "POST /v1/chat/completions HTTP/1.1\r\n";
  const std::string host = "host: u:1\r\n";
  const std::string length = "content-length: " + std::to_string(body.size()) + "\r\n";
  const std::string end = "\r\n" + body;
  ASSERT_EQ(not_canonical(start + host + length + end, "u:1"), "");
  const struct {
    const char* name;
    std::string raw;
  } cases[] = {
      {"no Host", start + length + end},
      {"two Hosts", start + host + host + length + end},
      {"the client's Host", start + "host: gateway\r\n" + length + end},
      {"no length", start + host + end},
      {"two lengths", start + host + length + length + end},
      {"another length", start + host + "content-length: 3\r\n" + end},
      {"a length and chunks", start + host + length + "transfer-encoding: chunked\r\n" + end},
      {"a cookie", start + host + length + "cookie: a=b\r\n" + end},
      {"a key", start + host + length + "Authorization: Bearer x\r\n" + end},
      {"a header for one hop", start + host + length + "Connection: x\r\n" + end},
      {"one of ours", start + host + length + "x-rocket-lane: batch\r\n" + end},
      {"where it came from", start + host + length + "X-Forwarded-For: a\r\n" + end},
      {"a space before a colon", start + host + length + "a : b\r\n" + end},
      {"a folded line", start + host + length + "a: b\r\n c\r\n" + end},
      {"a lone LF", start + host + length + "a: b\nc: d\r\n" + end},
      {"a lone CR", start + host + length + "a: b\rc\r\n" + end},
      {"a NUL", start + host + length + "a: " + std::string(1, '\0') + "\r\n" + end},
      {"a request behind it", start + host + length + end + start + host + "\r\n"},
      {"half a body", start + host + "content-length: 5\r\n\r\n" + body.substr(0, 5)},
      {"HTTP/1.0", "POST /v1/chat/completions HTTP/1.0\r\n" + host + length + end},
  };
  for (const auto& c : cases)
    EXPECT_NE(not_canonical(c.raw, "u:1"), "") << c.name;
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
