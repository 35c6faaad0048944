#include "schema/responses_stream_reader.h"

#include <gtest/gtest.h>

#include "testing/told_stream.h"

namespace rocket {
namespace {

constexpr std::string_view created =
    R"({"type":"response.created","response":{"id":"r","model":"m"}})";

TEST(ResponsesStreamReader, ReadsWhatServersSay) {
  using Events = std::vector<std::string_view>;
  const struct {
    const char* name;
    Events events;
    std::string_view told;
  } cases[] = {
      {"a text",
       {created, R"({"type":"response.in_progress","response":{}})",
        R"({"type":"response.output_item.added","item":{"type":"message","id":"i"}})",
        R"({"type":"response.content_part.added","part":{"type":"output_text","text":""}})",
        R"({"type":"response.output_text.delta","delta":"Hel"})",
        R"({"type":"response.output_text.delta","delta":"lo"})",
        R"({"type":"response.output_text.done","text":"Hello"})",
        R"({"type":"response.content_part.done"})", R"({"type":"response.output_item.done"})",
        R"({"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":2}}})",
        "[DONE]"},
       "start m\ntext: Hello\nusage 3 2\nstop end_turn\n"},
      {"what a text is from, also if it is told only once the text is whole",
       {created, R"({"type":"response.output_text.delta","delta":"x"})",
        R"({"type":"response.output_text.annotation.added","annotation_index":0,"annotation":{"type":"url_citation","url":"https://a","title":"A","start_index":0,"end_index":1}})",
        R"({"type":"response.output_text.annotation.added","annotation_index":1,"annotation":{"type":"file_path","file_id":"f"}})",
        R"({"type":"response.content_part.done","part":{"type":"output_text","text":"x","annotations":[{"type":"url_citation","url":"https://a","title":"A"},{"type":"file_path","file_id":"f"},{"type":"file_citation","file_id":"file-1","filename":"B"}]}})",
        R"({"type":"response.output_item.done"})",
        R"({"type":"response.output_text.delta","delta":"y"})",
        R"({"type":"response.content_part.done","part":{"annotations":[{"type":"url_citation","url":"https://c","title":"C"}]}})",
        R"({"type":"response.completed","response":{"status":"completed"}})"},
       "start m\ntext: x cites https://a \"A\" cites file-1 \"B\"\ntext: y cites https://c "
       "\"C\"\nstop end_turn\n"},
      {"signed and redacted thinking",
       {created, R"({"type":"response.reasoning_text.delta","delta":"Hm"})",
        R"({"type":"response.content_part.done","part":{"type":"reasoning_text","text":"Hm"}})",
        R"({"type":"response.output_item.done","item":{"type":"reasoning","encrypted_content":"rocket.anthropic.thinking:s:Hm"}})",
        R"({"type":"response.output_item.added","item":{"type":"reasoning"}})",
        R"({"type":"response.output_item.done","item":{"type":"reasoning","encrypted_content":"rocket.anthropic.redacted:z"}})",
        R"({"type":"response.output_item.done","item":{"type":"reasoning","encrypted_content":"rocket.anthropic.thinking:t:"}})",
        R"({"type":"response.output_item.done","item":{"type":"reasoning","encrypted_content":"gAAA"}})",
        R"({"type":"response.output_text.delta","delta":"x"})",
        R"({"type":"response.completed","response":{"status":"completed"}})"},
       "start m\nthinking: Hm signed s\nsealed: z\nthinking:  signed t\ntext: x\nstop end_turn\n"},
      {"thinking, a refusal and a call",
       {created, R"({"type":"response.reasoning_summary_text.delta","delta":"Hm"})",
        R"({"type":"response.output_item.done"})",
        R"({"type":"response.refusal.delta","delta":"No"})",
        R"({"type":"response.output_item.added","item":{"type":"function_call","call_id":"c","name":"f"}})",
        R"({"type":"response.function_call_arguments.delta","delta":"{}"})",
        R"({"type":"response.output_item.done"})",
        R"({"type":"response.completed","response":{"status":"completed"}})"},
       "start m\nthinking: Hm\nrefusal: No\ncall c f: {}\nstop tool_use\n"},
      {"incomplete",
       {created,
        R"({"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}})"},
       "start m\nstop refusal\n"},
      {"failed",
       {created, R"({"type":"response.failed","response":{"error":{"message":"no"}}})"},
       "start m\nfailed upstream_error_event\n"},
      {"an error", {R"({"type":"error","message":"no"})"}, "failed upstream_error_event\n"},
      {"a piece of no call",
       {created, R"({"type":"response.function_call_arguments.delta","delta":"{"})"},
       "start m\nfailed upstream_garbage\n"},
      {"no JSON", {"x"}, "failed upstream_garbage\n"},
  };
  for (const auto& one : cases) {
    ResponsesStreamReader reader;
    EXPECT_EQ(told_by(reader, one.events), one.told) << one.name;
  }
}

}  // namespace
}  // namespace rocket
