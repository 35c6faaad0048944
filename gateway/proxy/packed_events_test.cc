#include "proxy/packed_events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/random.h"
#include "wire/http_writer.h"
#include "wire/response_parser.h"
#include "wire/sse.h"

namespace rocket {
namespace {

std::string event(std::uint64_t number, std::uint64_t bytes) {
  return "data: " + std::to_string(number) + std::string(bytes, 'x') + "\n\n";
}

// A chunked answer with this body, cut into chunks anywhere.
std::string answer(std::string_view body, Random& random, std::uint64_t chunk_bytes_max) {
  std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  while (!body.empty()) {
    const size_t size = std::min<size_t>(1 + random.uniform(chunk_bytes_max), body.size());
    append_chunk_prefix(bytes, size);
    bytes.append(body.substr(0, size)).append(chunk_suffix);
    body.remove_prefix(size);
  }
  return bytes.append(last_chunk);
}

// What the client is sent of it, read in pieces into one buffer; every third event is not for it.
std::string relayed(std::string_view bytes, Random& random, std::uint64_t read_bytes_max) {
  std::array<char, 1024> buffer{};
  ResponseParser parser{HttpLimits{}};
  SseSplitter splitter(64 * 1024);
  PackedEvents events;
  std::string sent;
  int number = 0;
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(1 + random.uniform(read_bytes_max), bytes.size());
    std::ranges::copy(bytes.substr(0, size), buffer.begin());
    bytes.remove_prefix(size);
    std::string_view rest(buffer.data(), size);
    events.begin(buffer);
    while (!rest.empty()) {
      const auto taken = parser.feed(rest);
      EXPECT_TRUE(taken);
      if (!taken) return "refused";
      rest.remove_prefix(*taken);
      for (const std::string_view piece : parser.body()) {
        const auto fed = splitter.feed(piece, [&](const SseEvent& one) {
          if (++number % 3 != 0) events.keep(one.raw);
        });
        EXPECT_TRUE(fed);
      }
    }
    for (const std::string_view piece : events.pieces())
      sent += piece;
  }
  EXPECT_EQ(parser.state(), HttpParser::State::complete);
  return sent;
}

TEST(PackedEvents, AreTheEventsHoweverTheyWereChunkedAndRead) {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string body;
    std::string expected;
    const std::uint64_t bytes_max = 1 + random.uniform(200);
    for (int number = 1; number <= 30; ++number) {
      const std::string one = event(random.next(), random.uniform(bytes_max));
      body += one;
      if (number % 3 != 0) expected += one;
    }
    const std::string bytes = answer(body, random, 1 + random.uniform(300));
    ASSERT_EQ(relayed(bytes, random, 1 + random.uniform(1024)), expected) << round;
  }
}

TEST(PackedEvents, AreOnePieceIfNoneBeganBefore) {
  std::string buffer = "data: 1\n\n2\r\ndata: 2\n\n";
  PackedEvents events;
  events.begin(buffer);
  EXPECT_TRUE(events.empty());
  events.keep(std::string_view(buffer).substr(0, 9));
  events.keep(std::string_view(buffer).substr(12));
  EXPECT_EQ(events.pieces()[0], "");
  EXPECT_EQ(events.pieces()[1], "data: 1\n\ndata: 2\n\n");
}

}  // namespace
}  // namespace rocket
