#include "wire/sse.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

struct Event {
  std::string raw;
  std::string data;
  [[nodiscard]] bool operator==(const Event&) const = default;
};

void PrintTo(const Event& event, std::ostream* out) {
  *out << testing::PrintToString(event.raw) << " with " << testing::PrintToString(event.data);
}

struct Reading {
  std::vector<Event> events;
  bool unfinished = false;
  std::optional<ErrorCode> error;
  [[nodiscard]] bool operator==(const Reading&) const = default;
};

// Feeds the pieces one by one; copies what is handed over at once, as its contract demands.
Reading read(const std::vector<std::string>& pieces, size_t event_bytes_max = 1000) {
  SseSplitter splitter(event_bytes_max);
  Reading reading;
  for (const std::string& piece : pieces) {
    const auto fed = splitter.feed(piece, [&](const SseEvent& event) {
      reading.events.push_back({std::string(event.raw), std::string(event.data)});
    });
    if (!fed) {
      reading.error = fed.error().code;
      break;
    }
  }
  reading.unfinished = splitter.unfinished();
  return reading;
}

struct Case {
  std::string name;
  std::string stream;
  std::vector<Event> events;
  std::string rest{};
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"nothing", "", {}},
      {"one event", "data: a\n\n", {{"data: a\n\n", "a"}}},
      {"CRLF", "data: a\r\n\r\n", {{"data: a\r\n\r\n", "a"}}},
      {"both in one event", "data: a\r\n\n", {{"data: a\r\n\n", "a"}}},
      {"the other way round", "data: a\n\r\n", {{"data: a\n\r\n", "a"}}},
      {"two events", "data: a\n\ndata: b\n\n", {{"data: a\n\n", "a"}, {"data: b\n\n", "b"}}},
      {"a byte order mark in front",
       "\xEF\xBB\xBF"
       "data: a\n\ndata: b\n\n",
       {{"\xEF\xBB\xBF"
         "data: a\n\n",
         "a"},
        {"data: b\n\n", "b"}}},
      {"a line of a byte order mark alone ends nothing",
       "\xEF\xBB\xBF\n"
       "data: a\n\n",
       {{"\xEF\xBB\xBF\n"
         "data: a\n\n",
         "a"}}},
      {"no space after the colon", "data:a\n\n", {{"data:a\n\n", "a"}}},
      {"only the first space is not data", "data:  a \n\n", {{"data:  a \n\n", " a "}}},
      {"a tab is data", "data:\ta\n\n", {{"data:\ta\n\n", "\ta"}}},
      {"colons are data", "data: a: b\n\n", {{"data: a: b\n\n", "a: b"}}},
      {"several data lines", "data: a\ndata: b\n\n", {{"data: a\ndata: b\n\n", "a\nb"}}},
      {"with CRLF", "data: a\r\ndata: b\r\n\r\n", {{"data: a\r\ndata: b\r\n\r\n", "a\nb"}}},
      {"an empty data line first", "data:\ndata: b\n\n", {{"data:\ndata: b\n\n", "\nb"}}},
      {"an empty data line last", "data: a\ndata: \n\n", {{"data: a\ndata: \n\n", "a\n"}}},
      {"a data line without a colon",
       "data: a\ndata\ndata: b\n\n",
       {{"data: a\ndata\ndata: b\n\n", "a\n\nb"}}},
      {"three data lines, the middle one a comment",
       "data: a\n: data: c\ndata: b\n\n",
       {{"data: a\n: data: c\ndata: b\n\n", "a\nb"}}},
      {"a comment", ": keep-alive\n\n", {{": keep-alive\n\n", ""}}},
      {"a comment of one byte", ":\n\n", {{":\n\n", ""}}},
      {"a comment before data", ":x\ndata: a\n\n", {{":x\ndata: a\n\n", "a"}}},
      {"other fields",
       "event: message\nid: 7\nretry: 10\ndata: a\n\n",
       {{"event: message\nid: 7\nretry: 10\ndata: a\n\n", "a"}}},
      {"fields that begin or end like data",
       "database: a\ndat: b\nxdata: c\n data: d\nData: e\n\n",
       {{"database: a\ndat: b\nxdata: c\n data: d\nData: e\n\n", ""}}},
      {"an empty line is an event of its own", "\n", {{"\n", ""}}},
      {"leading empty lines",
       "\n\r\ndata: a\n\n",
       {{"\n", ""}, {"\r\n", ""}, {"data: a\n\n", "a"}}},
      {"empty lines between events",
       "data: a\n\n\n\ndata: b\n\n",
       {{"data: a\n\n", "a"}, {"\n", ""}, {"\n", ""}, {"data: b\n\n", "b"}}},
      {"a lone CR ends no line where a LF has ended the first",
       "data: x\n\ndata: a\rb\n\n",
       {{"data: x\n\n", "x"}, {"data: a\rb\n\n", "a\rb"}}},
      {"nor where a CRLF has",
       ":\r\n\r\ndata: a\rb\n\n",
       {{":\r\n\r\n", ""}, {"data: a\rb\n\n", "a\rb"}}},
      {"lone CR", "data: a\r\rdata: b\r\r", {{"data: a\r\r", "a"}, {"data: b\r\r", "b"}}},
      {"lone CR in an event of several lines",
       "event: x\rdata: a\rdata:\rdata: b\r\r",
       {{"event: x\rdata: a\rdata:\rdata: b\r\r", "a\n\nb"}}},
      {"lone CR in front", "\r\rdata: a\r\r", {{"\r", ""}, {"\r", ""}, {"data: a\r\r", "a"}}},
      {"a lone CR behind a byte order mark ends nothing",
       "\xEF\xBB\xBF\r"
       "data: a\r\r",
       {{"\xEF\xBB\xBF\r"
         "data: a\r\r",
         "a"}}},
      {"a lone CR, then other ends",
       "data: a\rb\ndata: c\n\ndata: d\r\ndata: e\n\r",
       {{"data: a\rb\ndata: c\n\n", "a\nc"}, {"data: d\r\ndata: e\n\r", "d\ne"}}},
      {"a CRLF behind lone CR is one end, and an event is not held up for its second half",
       ":\r\rdata: a\r\n\r\ndata: b\r\r\n",
       {{":\r\r", ""}, {"data: a\r\n\r", "a"}, {"\n", ""}, {"data: b\r\r", "b"}, {"\n", ""}}},
      {"lone CR in an event that has not ended",
       "data: a\r\rdata: b\r",
       {{"data: a\r\r", "a"}},
       "data: b\r"},
      {"two CR are not an empty line", "data: a\n\r\r\n\n", {{"data: a\n\r\r\n\n", "a"}}},
      {"JSON with escaped line breaks",
       "data: {\"a\":\"\\n\\n\"}\n\n",
       {{"data: {\"a\":\"\\n\\n\"}\n\n", "{\"a\":\"\\n\\n\"}"}}},
      {"not UTF-8", "data: \xff\xfe\n\n", {{"data: \xff\xfe\n\n", "\xff\xfe"}}},
      {"a NUL",
       std::string("data: \0\n\n", 9),
       {{std::string("data: \0\n\n", 9), std::string(1, '\0')}}},
      {"an event that has not ended", "data: a\n\ndata: b\n", {{"data: a\n\n", "a"}}, "data: b\n"},
      {"ends with half a CRLF", "data: a\r\n\r", {}, "data: a\r\n\r"},
      {"ends inside a line", "da", {}, "da"},
      {"ends with a CR of which nothing is known", "data: a\r", {}, "data: a\r"},
      {"a CR of which nothing is known", "\r", {}, "\r"},
  };
  return all;
}

TEST(Sse, CutsAStreamIntoEvents) {
  for (const Case& c : cases()) {
    const Reading reading = read({c.stream});
    EXPECT_EQ(reading.events, c.events) << c.name;
    EXPECT_EQ(reading.unfinished, !c.rest.empty()) << c.name;
    EXPECT_FALSE(reading.error) << c.name;
    // Nothing is lost and nothing added.
    std::string all;
    for (const Event& event : reading.events)
      all += event.raw;
    EXPECT_EQ(all + c.rest, c.stream) << c.name;
  }
}

TEST(Sse, AnySplitGivesTheSame) {
  for (const Case& c : cases()) {
    const Reading whole = read({c.stream});
    std::vector<std::string> bytes;
    for (const char byte : c.stream)
      bytes.emplace_back(1, byte);
    EXPECT_EQ(read(bytes), whole) << c.name << ", byte by byte";
    for (size_t first = 0; first <= c.stream.size(); ++first) {
      for (size_t second = first; second <= c.stream.size(); ++second) {
        EXPECT_EQ(read({c.stream.substr(0, first), c.stream.substr(first, second - first),
                        c.stream.substr(second)}),
                  whole)
            << c.name << ", split at " << first << " and " << second;
      }
    }
  }
}

TEST(Sse, AnEventOverTheLimitIsRefused) {
  const struct {
    std::string name;
    std::string stream;
    size_t events;  // before the one that is too large
    bool refused;
  } limits[] = {
      {"as large as allowed", "data: 34\n\n", 1, false},
      {"a byte over", "data: 345\n\n", 0, true},
      {"its end not there yet", "data: 34567", 0, true},
      {"as large as allowed without an end", "data: 3456", 0, false},
      {"each counts for itself", "data: 1\n\ndata: 2\n\ndata: 3\n\n", 3, false},
      {"the second one", "data: 1\n\ndata: 345\n\ndata: 3\n\n", 1, true},
      {"many small lines", ":\n:\n:\n:\n:\n:\n", 0, true},
      {"a comment", ": 3456789\n\n", 0, true},
      {"by a CR", "data: 34\r\n\n", 0, true},
      {"lone CR, as large as allowed", "data: 34\r\rdata: 34\r\r", 2, false},
      {"lone CR, a byte over", "data: 345\r\r", 0, true},
  };
  for (const auto& c : limits) {
    const Reading whole = read({c.stream}, 10);
    EXPECT_EQ(whole.events.size(), c.events) << c.name;
    EXPECT_EQ(whole.error == ErrorCode::upstream_too_large, c.refused) << c.name;
    for (size_t first = 0; first <= c.stream.size(); ++first) {
      const Reading split = read({c.stream.substr(0, first), c.stream.substr(first)}, 10);
      EXPECT_EQ(split.events, whole.events) << c.name << ", split at " << first;
      EXPECT_EQ(split.error, whole.error) << c.name << ", split at " << first;
    }
  }
}

TEST(Sse, TheLimitIsNamed) {
  SseSplitter splitter(3);
  const auto fed = splitter.feed("data: a\n\n", [](const SseEvent&) {});
  ASSERT_FALSE(fed);
  EXPECT_TRUE(fed.error().detail.contains("limits.event_bytes")) << fed.error().detail;
}

TEST(Sse, WhatIsCompleteIsNotCopied) {
  const std::string stream = ": x\n\ndata: a\n\ndata: b\n\n";
  SseSplitter splitter(1000);
  const char* next = stream.data();
  const auto fed = splitter.feed(stream, [&](const SseEvent& event) {
    EXPECT_EQ(event.raw.data(), next);
    next += event.raw.size();
    if (event.data.empty()) return;
    EXPECT_GT(event.data.data(), event.raw.data());
    EXPECT_LT(event.data.data(), event.raw.data() + event.raw.size());
  });
  EXPECT_TRUE(fed);
  EXPECT_EQ(next, stream.data() + stream.size());
}

TEST(Sse, DataOfAnEventInPiecesStandsInItsRawBytes) {
  SseSplitter splitter(1000);
  std::string first = "data: on";
  ASSERT_TRUE(splitter.feed(first, [](const SseEvent&) { FAIL() << "it has not ended"; }));
  // The caller's buffer is its own again.
  first.assign(first.size(), '?');
  EXPECT_TRUE(splitter.unfinished());
  std::vector<Event> events;
  ASSERT_TRUE(splitter.feed("e\n\ndata: two\n\n", [&](const SseEvent& event) {
    EXPECT_TRUE(event.raw.contains(event.data));
    events.push_back({std::string(event.raw), std::string(event.data)});
  }));
  const std::vector<Event> expected{{"data: one\n\n", "one"}, {"data: two\n\n", "two"}};
  EXPECT_EQ(events, expected);
  EXPECT_FALSE(splitter.unfinished());
}

}  // namespace
}  // namespace rocket
