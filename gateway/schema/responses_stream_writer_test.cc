#include "schema/responses_stream_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/sse.h"

namespace rocket {
namespace {

constexpr AnswerFrame frame{
    .id = "r1", .model = "m", .created = 7, .created_at = {}, .echo = R"("tools":[])"};
using Kind = StreamEvent::Kind;
using Json = nlohmann::json;

std::vector<Json> written(const std::vector<StreamEvent>& events) {
  ResponsesStreamWriter writer(frame);
  for (const StreamEvent& event : events)
    EXPECT_TRUE(writer.take(event));
  std::vector<Json> read;
  SseSplitter splitter(1U << 20U);
  EXPECT_TRUE(splitter.feed(writer.out(), [&](const SseEvent& event) {
    if (event.data.empty()) return;
    read.push_back(Json::parse(event.data));
    EXPECT_TRUE(event.raw.starts_with("event: " + read.back()["type"].get<std::string>() + "\n"));
  }));
  return read;
}

std::vector<std::string> types(const std::vector<Json>& events) {
  std::vector<std::string> types;
  for (const Json& event : events) {
    EXPECT_EQ(event["sequence_number"], types.size());
    types.push_back(event["type"]);
  }
  return types;
}

TEST(ResponsesStreamWriter, SaysEverythingTwice) {
  StreamEvent call{.kind = Kind::block_start, .block = Part::Kind::tool_call};
  call.id = {"c"};
  call.name = {"f"};
  StreamEvent usage{.kind = Kind::usage};
  usage.usage = {.input = 3, .output = 2};
  const auto events =
      written({{.kind = Kind::start},
               {.kind = Kind::block_start},
               {.kind = Kind::text, .text = {R"(a\")"}},
               {.kind = Kind::text, .text = {"b"}},
               {.kind = Kind::ping},
               {.kind = Kind::block_end},
               call,
               {.kind = Kind::text, .block = Part::Kind::tool_call, .text = {R"({\"x\":1})"}},
               {.kind = Kind::block_end, .block = Part::Kind::tool_call},
               usage,
               {.kind = Kind::stop, .stop = StopReason::tool_use}});
  EXPECT_EQ(
      types(events),
      (std::vector<std::string>{
          "response.created", "response.in_progress", "response.output_item.added",
          "response.content_part.added", "response.output_text.delta", "response.output_text.delta",
          "response.output_text.done", "response.content_part.done", "response.output_item.done",
          "response.output_item.added", "response.function_call_arguments.delta",
          "response.function_call_arguments.done", "response.output_item.done",
          "response.completed"}));
  EXPECT_EQ(events[6]["text"], "a\"b");
  EXPECT_EQ(events[11]["arguments"], R"({"x":1})");
  EXPECT_EQ(events[11]["name"], "f");
  const Json& response = events.back()["response"];
  EXPECT_EQ(response["output"][0], events[8]["item"]);
  EXPECT_EQ(response["output"][1]["call_id"], "c");
  EXPECT_EQ(response["usage"]["total_tokens"], 5);
  EXPECT_EQ(response["model"], "m");
  EXPECT_EQ(events[0]["response"]["usage"], nullptr);
}

TEST(ResponsesStreamWriter, WhatATextIsFromIsToldBeforeItIsWhole) {
  const Citation page{.kind = Citation::Kind::web, .source = {"https://a"}, .title = {"A"}};
  const Citation file{.kind = Citation::Kind::file, .title = {"B"}, .file = {"file-1"}};
  const Citation place{.kind = Citation::Kind::pages, .title = {"C"}};
  StreamEvent of_page{.kind = Kind::citation};
  of_page.citation = &page;
  StreamEvent of_file = of_page;
  of_file.citation = &file;
  StreamEvent of_place = of_page;
  of_place.citation = &place;
  const auto events = written({{.kind = Kind::start},
                               {.kind = Kind::block_start},
                               of_page,
                               {.kind = Kind::text, .text = {R"(a\u00fc)"}},
                               of_file,
                               of_place,
                               {.kind = Kind::block_end},
                               {.kind = Kind::block_start},
                               {.kind = Kind::text, .text = {"b"}},
                               {.kind = Kind::block_end},
                               {.kind = Kind::stop}});
  const std::vector<std::string> all = types(events);
  EXPECT_EQ(all[5], "response.output_text.annotation.added");
  EXPECT_EQ(all[6], "response.output_text.annotation.added");
  EXPECT_EQ(all[7], "response.output_text.done");
  EXPECT_EQ(events[5]["annotation_index"], 0);
  EXPECT_EQ(events[5]["content_index"], 0);
  EXPECT_EQ(events[5]["item_id"], events[4]["item_id"]);
  const Json annotations = Json::parse(
      R"([{"type":"url_citation","url":"https://a","title":"A","start_index":0,"end_index":2},)"
      R"({"type":"file_citation","file_id":"file-1","filename":"B","index":2}])");
  EXPECT_EQ(events[5]["annotation"], annotations[0]);
  EXPECT_EQ(events[6]["annotation"], annotations[1]);
  EXPECT_EQ(events[6]["annotation_index"], 1);
  EXPECT_EQ(events[8]["part"]["annotations"], annotations);
  EXPECT_EQ(events[9]["item"]["content"][0]["annotations"], annotations);
  const Json& output = events.back()["response"]["output"];
  EXPECT_EQ(output[0], events[9]["item"]);
  EXPECT_EQ(output[1]["content"][0]["annotations"], Json::array());
}

TEST(ResponsesStreamWriter, WhatIsSealedGoesToTheEndOfItsItem) {
  StreamEvent redacted{.kind = Kind::block_start, .block = Part::Kind::redacted_thinking};
  redacted.text = {"z"};
  const auto events =
      written({{.kind = Kind::start},
               {.kind = Kind::block_start, .block = Part::Kind::thinking},
               {.kind = Kind::text, .block = Part::Kind::thinking, .text = {"Hm"}},
               {.kind = Kind::signature, .block = Part::Kind::thinking, .text = {"s"}},
               {.kind = Kind::block_end, .block = Part::Kind::thinking},
               redacted,
               {.kind = Kind::block_end, .block = Part::Kind::redacted_thinking},
               {.kind = Kind::stop}});
  EXPECT_EQ(
      types(events),
      (std::vector<std::string>{
          "response.created", "response.in_progress", "response.output_item.added",
          "response.content_part.added", "response.reasoning_text.delta",
          "response.reasoning_text.done", "response.content_part.done", "response.output_item.done",
          "response.output_item.added", "response.output_item.done", "response.completed"}));
  EXPECT_FALSE(events[2]["item"].contains("encrypted_content"));
  EXPECT_EQ(events[7]["item"]["encrypted_content"], "rocket.anthropic.thinking:s:Hm");
  EXPECT_EQ(events[9]["item"]["encrypted_content"], "rocket.anthropic.redacted:z");
  EXPECT_EQ(events[9]["item"]["content"], Json::array());
  EXPECT_EQ(events.back()["response"]["output"][1], events[9]["item"]);
}

TEST(ResponsesStreamWriter, TellsWhatIsIncompleteAndWhatHasFailed) {
  const auto cut =
      written({{.kind = Kind::start}, {.kind = Kind::stop, .stop = StopReason::max_tokens}});
  EXPECT_EQ(types(cut).back(), "response.incomplete");
  EXPECT_EQ(cut.back()["response"]["incomplete_details"]["reason"], "max_output_tokens");
  const auto within = written({{.kind = Kind::start},
                               {.kind = Kind::block_start, .block = Part::Kind::thinking},
                               {.kind = Kind::text, .text = {"a"}},
                               {.kind = Kind::block_end, .block = Part::Kind::thinking},
                               {.kind = Kind::block_start},
                               {.kind = Kind::text, .text = {"b"}},
                               {.kind = Kind::block_end},
                               {.kind = Kind::usage},
                               {.kind = Kind::stop, .stop = StopReason::max_tokens}});
  const Json& output = within.back()["response"]["output"];
  EXPECT_EQ(output[0]["status"], "completed");
  EXPECT_EQ(output[1]["status"], "incomplete");
  EXPECT_EQ(within[within.size() - 2]["item"], output[1]);
  const auto failed =
      written({{.kind = Kind::start}, {.kind = Kind::error, .text = {R"(no \"more\")"}}});
  EXPECT_EQ(types(failed).back(), "response.failed");
  EXPECT_EQ(failed.back()["response"]["error"]["message"], R"(no "more")");
  const auto never = written({{.kind = Kind::error, .text = {"no"}}});
  EXPECT_EQ(types(never), std::vector<std::string>{"error"});
}

TEST(ResponsesStreamWriter, HasTheResponseInOnePieceOnceItHasEndedWell) {
  ResponsesStreamWriter writer(frame);
  for (const StreamEvent& event :
       {StreamEvent{.kind = Kind::start}, StreamEvent{.kind = Kind::block_start},
        StreamEvent{.kind = Kind::text, .text = {"a"}}, StreamEvent{.kind = Kind::block_end}}) {
    ASSERT_TRUE(writer.take(event));
    EXPECT_EQ(writer.whole(), "");
  }
  ASSERT_TRUE(writer.take({.kind = Kind::stop}));
  const Json response = Json::parse(writer.whole());
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "a");
  EXPECT_TRUE(writer.out().ends_with(R"("response":)" + std::string(writer.whole()) + "}\n\n"));

  ResponsesStreamWriter failed(frame);
  ASSERT_TRUE(failed.take({.kind = Kind::start}));
  ASSERT_TRUE(failed.take({.kind = Kind::error}));
  EXPECT_EQ(failed.whole(), "");
}

TEST(ResponsesStreamWriter, WhatItKeepsIsBounded) {
  ResponsesStreamWriter writer(frame);
  ASSERT_TRUE(writer.take({.kind = Kind::start}));
  ASSERT_TRUE(writer.take({.kind = Kind::block_start}));
  const std::string much(9U << 20U, 'x');
  const StreamEvent text{.kind = Kind::text, .text = {much}};
  EXPECT_TRUE(writer.take(text));
  const auto taken = writer.take(text);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::upstream_too_large);
}

}  // namespace
}  // namespace rocket
