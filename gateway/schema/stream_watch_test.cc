#include "schema/stream_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace rocket {
namespace {

using Kind = StreamEvent::Kind;

class Counter final : public StreamSink {
 public:
  Result<void> take(const StreamEvent& event) override {
    kinds.push_back(event.kind);
    if (event.kind == Kind::error) return fail(ErrorCode::upstream_error_event);
    return {};
  }
  std::vector<Kind> kinds;
};

TEST(StreamWatch, SeesWhatAReaderWouldMiss) {
  const struct {
    const char* name;
    StreamEvent event;
    bool content;
  } cases[] = {
      {"the start", {.kind = Kind::start}, false},
      {"a ping", {.kind = Kind::ping}, false},
      {"a block of text that is still empty", {.kind = Kind::block_start}, false},
      {"a text", {.kind = Kind::text, .text = {"a"}}, true},
      {"a call", {.kind = Kind::block_start, .block = Part::Kind::tool_call}, true},
      {"the count of tokens", {.kind = Kind::usage}, false},
      {"the end", {.kind = Kind::stop}, true},
  };
  for (const auto& c : cases) {
    StreamWatch watch(nullptr);
    EXPECT_TRUE(watch.take(c.event).has_value()) << c.name;
    EXPECT_EQ(watch.content_seen(), c.content) << c.name;
  }
}

TEST(StreamWatch, WhoThinksUnseenAndSaysSoHasBegun) {
  const StreamEvent ping{.kind = Kind::ping};
  const StreamEvent closed{.kind = Kind::block_end, .block = Part::Kind::thinking};
  const auto opened = [](Part::Kind kind) {
    return StreamEvent{.kind = Kind::block_start, .block = kind};
  };
  const struct {
    const char* name;
    std::vector<StreamEvent> events;
    bool content;
  } cases[] = {
      {"it has begun and says no more", {opened(Part::Kind::thinking)}, false},
      {"it is at it", {opened(Part::Kind::thinking), ping}, true},
      {"it has said that it would begin", {ping, opened(Part::Kind::thinking)}, false},
      {"it has thought", {opened(Part::Kind::thinking), closed, ping}, false},
      {"it is about to talk",
       {opened(Part::Kind::thinking), closed, opened(Part::Kind::text), ping},
       false},
      {"it has not begun", {{.kind = Kind::start}, ping, ping}, false},
      {"a text, as the real one begins it", {opened(Part::Kind::text), ping}, false},
  };
  for (const auto& c : cases) {
    StreamWatch watch(nullptr);
    for (const StreamEvent& event : c.events)
      EXPECT_TRUE(watch.take(event).has_value()) << c.name;
    EXPECT_EQ(watch.content_seen(), c.content) << c.name;
    EXPECT_EQ(watch.usage().output, 0) << c.name;
  }
}

TEST(StreamWatch, PassesEverythingOn) {
  Counter counter;
  StreamWatch watch(&counter);
  EXPECT_TRUE(watch.take({.kind = Kind::start}).has_value());
  EXPECT_TRUE(watch.take({.kind = Kind::text}).has_value());
  EXPECT_FALSE(watch.take({.kind = Kind::error}).has_value());
  EXPECT_EQ(counter.kinds, (std::vector<Kind>{Kind::start, Kind::text, Kind::error}));
}

TEST(StreamWatch, CountsAsTheUpstreamDoesOrByItsEvents) {
  for (const bool told : {true, false}) {
    StreamWatch watch(nullptr);
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(watch.take({.kind = Kind::text, .text = {"a"}}).has_value());
    StreamEvent usage{.kind = Kind::usage};
    usage.usage = {.input = 5, .output = 9};
    if (told) {
      EXPECT_TRUE(watch.take(usage).has_value());
    }
    EXPECT_TRUE(watch.take({.kind = Kind::stop}).has_value());
    EXPECT_EQ(watch.usage().output, told ? 9 : 3);
    EXPECT_EQ(watch.usage().input, told ? 5 : 0);
  }
}

}  // namespace
}  // namespace rocket
