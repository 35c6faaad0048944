#include "schema/anthropic_stream_writer.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr AnswerFrame frame{.id = "r1", .model = "m"};
using Kind = StreamEvent::Kind;

TEST(AnthropicStreamWriter, WritesEvents) {
  AnthropicStreamWriter writer(frame);
  StreamEvent usage{.kind = Kind::usage};
  usage.usage = {.input = 9, .cache_read = 4, .output = 2};
  StreamEvent stop{.kind = Kind::stop, .stop = StopReason::stop_sequence};
  stop.stop_sequence = {"X"};
  const std::vector<StreamEvent> events{{.kind = Kind::start},
                                        {.kind = Kind::block_start},
                                        {.kind = Kind::text, .text = {R"(a\n)"}},
                                        {.kind = Kind::ping},
                                        {.kind = Kind::block_end},
                                        usage,
                                        stop};
  for (const StreamEvent& event : events)
    ASSERT_TRUE(writer.take(event));
  EXPECT_EQ(
      writer.out(),
      "event: message_start\n"
      R"(data: {"type":"message_start","message":{"id":"msg_r1","type":"message",)"
      R"("role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,)"
      R"("usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
      R"("output_tokens":0}}})"
      "\n\nevent: content_block_start\n"
      R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
      "\n\nevent: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\n"}})"
      "\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: content_block_stop\n"
      R"(data: {"type":"content_block_stop","index":0})"
      "\n\nevent: message_delta\n"
      R"(data: {"type":"message_delta","delta":{"stop_reason":"stop_sequence",)"
      R"("stop_sequence":"X"},"usage":{"input_tokens":5,"cache_creation_input_tokens":0,)"
      R"("cache_read_input_tokens":4,"output_tokens":2}})"
      "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

TEST(AnthropicStreamWriter, PagesAreWhatATextCanBeFrom) {
  const auto written = [](const Citation& citation) {
    AnthropicStreamWriter writer(frame);
    EXPECT_TRUE(writer.take({.kind = Kind::start}));
    EXPECT_TRUE(writer.take({.kind = Kind::block_start}));
    EXPECT_TRUE(writer.take({.kind = Kind::text, .text = {"ab"}}));
    writer.out().clear();
    StreamEvent event{.kind = Kind::citation};
    event.citation = &citation;
    EXPECT_TRUE(writer.take(event));
    return writer.out();
  };
  // The text has gone by then: nothing of it is quoted.
  EXPECT_EQ(written({.kind = Citation::Kind::web,
                     .source = {"https://a"},
                     .title = {"A"},
                     .span = TextSpan{0, 1},
                     .json = "{}"}),
            "event: content_block_delta\n"
            R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"citations_delta",)"
            R"("citation":{"type":"web_search_result_location","cited_text":"",)"
            R"("url":"https://a","title":"A","encrypted_index":""}}})"
            "\n\n");
  EXPECT_EQ(written({.kind = Citation::Kind::file, .file = {"file-1"}}), "");
}

TEST(AnthropicStreamWriter, ARefusalIsNoEndOfATurn) {
  AnthropicStreamWriter writer(frame);
  const std::vector<StreamEvent> events{{.kind = Kind::start},
                                        {.kind = Kind::block_start, .block = Part::Kind::refusal},
                                        {.kind = Kind::text, .text = {"No."}},
                                        {.kind = Kind::block_end},
                                        {.kind = Kind::stop}};
  for (const StreamEvent& event : events)
    ASSERT_TRUE(writer.take(event));
  EXPECT_TRUE(writer.out().contains(R"("stop_reason":"refusal")")) << writer.out();
}

// What is between the inputs of the deltas, put together.
std::string input_of(std::string_view written) {
  std::string input;
  constexpr std::string_view mark = R"("partial_json":")";
  for (size_t at = written.find(mark); at != written.npos; at = written.find(mark, at + 1)) {
    const size_t begin = at + mark.size();
    input += json_decoded(written.substr(begin, written.find("\"}}\n", begin) - begin)).value();
  }
  return input;
}

TEST(AnthropicStreamWriter, InputsAreObjectsOrErrors) {
  const struct {
    const char* name;
    std::vector<std::string_view> pieces;
    std::optional<std::string_view> input;  // nothing: an error
  } cases[] = {
      {"an object", {R"({\"a\":)", R"(\"b\\n\"})"}, R"({"a":"b\n"})"},
      {"none", {}, "{}"},
      {"a string", {R"(\"Par)", R"(is\")"}, R"({"value":"Paris"})"},
      {"cut", {R"({\"a\":[1)"}, R"({"a":[1]})"},
      {"no JSON", {R"({\"a\":)", "b}"}, std::nullopt},
  };
  for (const auto& one : cases) {
    AnthropicStreamWriter writer(frame);
    StreamEvent call{.kind = Kind::block_start, .block = Part::Kind::tool_call};
    call.id = {"a:b"};
    call.name = {"f"};
    ASSERT_TRUE(writer.take({.kind = Kind::start}));
    ASSERT_TRUE(writer.take(call));
    EXPECT_TRUE(writer.out().contains(R"("id":"rocket_a-3ab","name":"f","input":{}})"));
    bool refused = false;
    for (const std::string_view piece : one.pieces) {
      const auto taken =
          writer.take({.kind = Kind::text, .block = Part::Kind::tool_call, .text = {piece}});
      refused |= !taken && taken.error().code == ErrorCode::upstream_garbage;
    }
    EXPECT_EQ(refused, !one.input) << one.name;
    if (refused) continue;
    ASSERT_TRUE(writer.take({.kind = Kind::block_end, .block = Part::Kind::tool_call}));
    EXPECT_EQ(input_of(writer.out()), *one.input) << one.name;
  }
}

}  // namespace
}  // namespace rocket
