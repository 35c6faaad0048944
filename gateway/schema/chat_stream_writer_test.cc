#include "schema/chat_stream_writer.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr AnswerFrame frame{.id = "r1", .model = "m", .created = 7};
using Kind = StreamEvent::Kind;

std::string chunk(std::string_view delta, std::string_view rest) {
  return R"(data: {"id":"chatcmpl-r1","object":"chat.completion.chunk","created":7,"model":"m",)"
         R"("choices":[{"index":0,"delta":{)" +
         std::string(delta) + "}," + std::string(rest) + "\n\n";
}

TEST(ChatStreamWriter, WritesChunks) {
  ChatStreamWriter writer(frame, false);
  StreamEvent call{.kind = Kind::block_start, .block = Part::Kind::tool_call};
  call.name = {"f"};
  StreamEvent usage{.kind = Kind::usage};
  usage.usage.input = 3;
  const std::vector<StreamEvent> events{
      {.kind = Kind::start},
      {.kind = Kind::block_start},
      {.kind = Kind::text, .text = {R"(a\n)"}},
      {.kind = Kind::ping},
      {.kind = Kind::block_end},
      call,
      {.kind = Kind::text, .block = Part::Kind::tool_call, .text = {R"({\"x\":1})"}},
      usage,
      {.kind = Kind::stop, .stop = StopReason::tool_use}};
  for (const StreamEvent& event : events)
    ASSERT_TRUE(writer.take(event));
  constexpr std::string_view open = R"("finish_reason":null}]})";
  EXPECT_EQ(writer.out(),
            chunk(R"("role":"assistant","content":"")", open) + chunk(R"("content":"a\n")", open) +
                ": ping\n\n" +
                chunk(R"("tool_calls":[{"index":0,"id":"call_r1_0","type":"function",)"
                      R"("function":{"name":"f","arguments":""}}])",
                      open) +
                chunk(R"("tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}])", open) +
                chunk("", R"("finish_reason":"tool_calls"}]})") + "data: [DONE]\n\n");
}

// One call, where there was no room for more; of the second its client would make one with the
// first.
TEST(ChatStreamWriter, WhoKnowsFunctionsAloneIsToldACallThere) {
  AnswerFrame legacy = frame;
  legacy.legacy_functions = true;
  ChatStreamWriter writer(legacy, false);
  StreamEvent call{.kind = Kind::block_start, .block = Part::Kind::tool_call};
  call.name = {"f"};
  const StreamEvent arguments{
      .kind = Kind::text, .block = Part::Kind::tool_call, .text = {R"({\"x\":1})"}};
  const StreamEvent end{.kind = Kind::block_end, .block = Part::Kind::tool_call};
  const std::vector<StreamEvent> events{{.kind = Kind::start},
                                        call,
                                        arguments,
                                        end,
                                        call,
                                        arguments,
                                        end,
                                        call,
                                        end,
                                        {.kind = Kind::stop, .stop = StopReason::tool_use}};
  for (const StreamEvent& event : events)
    ASSERT_TRUE(writer.take(event));
  constexpr std::string_view open = R"("finish_reason":null}]})";
  EXPECT_EQ(writer.out(), chunk(R"("role":"assistant","content":"")", open) +
                              chunk(R"("function_call":{"name":"f","arguments":""})", open) +
                              chunk(R"("function_call":{"arguments":"{\"x\":1}"})", open) +
                              chunk("", R"("finish_reason":"function_call"}]})") +
                              "data: [DONE]\n\n");
}

// Where a page belongs to is known once all of its text is.
TEST(ChatStreamWriter, AnnotationsComeBehindTheirText) {
  ChatStreamWriter writer(frame, false);
  const Citation page{.kind = Citation::Kind::web, .source = {"https://a"}, .title = {"A"}};
  Citation within = page;
  within.span = TextSpan{1, 9};
  const Citation file{.kind = Citation::Kind::file, .file = {"file-1"}};
  const auto cite = [&](const Citation& citation) {
    StreamEvent event{.kind = Kind::citation};
    event.citation = &citation;
    ASSERT_TRUE(writer.take(event));
  };
  ASSERT_TRUE(writer.take({.kind = Kind::start}));
  ASSERT_TRUE(writer.take({.kind = Kind::block_start}));
  ASSERT_TRUE(writer.take({.kind = Kind::text, .text = {R"(\ud83d\ude00\n)"}}));
  ASSERT_TRUE(writer.take({.kind = Kind::block_end}));
  ASSERT_TRUE(writer.take({.kind = Kind::block_start}));
  writer.out().clear();
  cite(page);
  cite(file);
  EXPECT_EQ(writer.out(), "");
  EXPECT_GT(writer.kept_bytes(), 0U);
  ASSERT_TRUE(writer.take({.kind = Kind::text, .text = {"\u00fcb"}}));
  cite(within);
  ASSERT_TRUE(writer.take({.kind = Kind::block_end}));
  constexpr std::string_view open = R"("finish_reason":null}]})";
  EXPECT_EQ(
      writer.out(),
      chunk("\"content\":\"\u00fcb\"", open) +
          chunk(R"("annotations":[{"type":"url_citation","url_citation":{"url":"https://a",)"
                R"("title":"A","start_index":2,"end_index":4}},{"type":"url_citation",)"
                R"("url_citation":{"url":"https://a","title":"A","start_index":3,"end_index":4}}])",
                open));
  EXPECT_EQ(writer.kept_bytes(), 0U);
}

TEST(ChatStreamWriter, UsageIsForThoseWhoAsk) {
  ChatStreamWriter writer(frame, true);
  StreamEvent usage{.kind = Kind::usage};
  usage.usage = {.input = 3, .output = 2};
  for (const StreamEvent& event :
       {StreamEvent{.kind = Kind::start}, usage, StreamEvent{.kind = Kind::stop}})
    ASSERT_TRUE(writer.take(event));
  EXPECT_TRUE(writer.out().contains(R"("finish_reason":"stop"}],"usage":null})"));
  EXPECT_TRUE(writer.out().ends_with(
      R"("choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,)"
      R"("prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},)"
      R"("completion_tokens_details":{"reasoning_tokens":0}}})"
      "\n\ndata: [DONE]\n\n"));
}

}  // namespace
}  // namespace rocket
