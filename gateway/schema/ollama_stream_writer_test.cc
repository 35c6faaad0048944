#include "schema/ollama_stream_writer.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr AnswerFrame frame{.id = "r1", .model = "m", .created = 0, .created_at = "now"};
using Kind = StreamEvent::Kind;

std::vector<StreamEvent> events() {
  StreamEvent start{.kind = Kind::start};
  start.name = {"up"};
  StreamEvent call{.kind = Kind::block_start, .block = Part::Kind::tool_call};
  call.name = {"f"};
  StreamEvent usage{.kind = Kind::usage};
  usage.usage = {.input = 3, .output = 2};
  return {start,
          {.kind = Kind::block_start, .block = Part::Kind::thinking},
          {.kind = Kind::text, .block = Part::Kind::thinking, .text = {"Hm"}},
          {.kind = Kind::block_end, .block = Part::Kind::thinking},
          {.kind = Kind::block_start},
          {.kind = Kind::text, .text = {R"(a\")"}},
          {.kind = Kind::block_end},
          call,
          {.kind = Kind::text, .block = Part::Kind::tool_call, .text = {R"({\"x\")"}},
          {.kind = Kind::text, .block = Part::Kind::tool_call, .text = {":1"}},
          {.kind = Kind::block_end, .block = Part::Kind::tool_call},
          {.kind = Kind::ping},
          usage,
          {.kind = Kind::stop, .stop = StopReason::max_tokens}};
}

TEST(OllamaStreamWriter, WritesLinesOfAChat) {
  OllamaStreamWriter writer(Dialect::ollama, frame);
  for (const StreamEvent& event : events())
    ASSERT_TRUE(writer.take(event));
  const std::string head = R"({"model":"up","created_at":"now","message":{"role":"assistant",)";
  EXPECT_EQ(writer.out(),
            head + R"("content":"","thinking":"Hm"},"done":false})" + "\n" + head +
                R"("content":"a\""},"done":false})" + "\n" + head +
                R"("content":"","tool_calls":[{"id":"call_r1_0","function":{"index":0,)" +
                R"("name":"f","arguments":{"x":1}}}]},"done":false})" + "\n" + head +
                R"("content":""},"done":true,"done_reason":"length",)" +
                R"("prompt_eval_count":3,"eval_count":2})" + "\n");
}

TEST(OllamaStreamWriter, WritesLinesOfGenerate) {
  OllamaStreamWriter writer(Dialect::generate, frame);
  for (const StreamEvent& event : events())
    ASSERT_TRUE(writer.take(event));
  const std::string head = R"({"model":"up","created_at":"now","response":")";
  EXPECT_EQ(writer.out(), head + R"(","thinking":"Hm","done":false})" + "\n" + head +
                              R"(a\"","done":false})" + "\n" + head +
                              R"(","done":true,"done_reason":"length",)" +
                              R"("prompt_eval_count":3,"eval_count":2})" + "\n");
}

TEST(OllamaStreamWriter, TellsHowLongItTook) {
  using std::chrono::milliseconds;
  OllamaStreamWriter writer(Dialect::ollama, frame);
  Duration time{};
  for (const StreamEvent& event : events()) {
    writer.note_time(time += milliseconds(1));
    ASSERT_TRUE(writer.take(event));
  }
  // The third of 14 is the first text.
  EXPECT_TRUE(writer.out().ends_with(
      R"("done_reason":"length","total_duration":14000000,"prompt_eval_duration":3000000,)"
      R"("eval_duration":11000000,"prompt_eval_count":3,"eval_count":2})"
      "\n"))
      << writer.out();
}

TEST(OllamaStreamWriter, ArgumentsAreBounded) {
  OllamaStreamWriter writer(Dialect::ollama, frame);
  const std::string piece = "{\\\"" + std::string(600000, 'x');
  const StreamEvent text{.kind = Kind::text, .block = Part::Kind::tool_call, .text = {piece}};
  EXPECT_TRUE(writer.take(text));
  const auto taken = writer.take(text);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::upstream_too_large);
}

}  // namespace
}  // namespace rocket
