#include "schema/responses_items.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(ResponsesItems, AreWhatPartsBecome) {
  using Kind = Part::Kind;
  const struct {
    const char* name;
    Part part;
    ResponsesItem item;
    std::string_view written;
  } cases[] = {
      {"a text",
       {.text = {"x"}},
       {.id = "i", .status = "completed"},
       R"({"type":"message","id":"i","role":"assistant","content":[{"type":"output_text",)"
       R"("text":"x","annotations":[],"logprobs":[]}],"status":"completed"})"},
      {"a text from a page",
       {.text = {"x"},
        .citations = {{.kind = Citation::Kind::web, .source = {"https://a"}, .title = {"A"}}}},
       {.id = "i", .status = "completed"},
       R"({"type":"message","id":"i","role":"assistant","content":[{"type":"output_text",)"
       R"("text":"x","annotations":[{"type":"url_citation","url":"https://a","title":"A",)"
       R"("start_index":0,"end_index":1}],"logprobs":[]}],"status":"completed"})"},
      {"a text that has begun",
       {.text = {}},
       {.id = "i", .status = "in_progress", .begun = true},
       R"({"type":"message","id":"i","role":"assistant","content":[],"status":"in_progress"})"},
      {"a refusal",
       {.kind = Kind::refusal, .text = {"no"}},
       {.id = "i", .status = "completed"},
       R"({"type":"message","id":"i","role":"assistant","content":[{"type":"refusal",)"
       R"("refusal":"no"}],"status":"completed"})"},
      {"thinking",
       {.kind = Kind::thinking, .text = {"Hm"}},
       {.id = "i", .status = "completed"},
       R"({"type":"reasoning","id":"i","summary":[],"content":[{"type":"reasoning_text",)"
       R"("text":"Hm"}],"status":"completed"})"},
      {"signed thinking",
       {.kind = Kind::thinking, .text = {"Hm"}, .signature = {"s"}},
       {.id = "i", .status = "completed"},
       R"({"type":"reasoning","id":"i","summary":[],"content":[{"type":"reasoning_text",)"
       R"("text":"Hm"}],"encrypted_content":"rocket.anthropic.thinking:s:Hm",)"
       R"("status":"completed"})"},
      {"redacted thinking",
       {.kind = Kind::redacted_thinking, .text = {"z"}},
       {.id = "i", .status = "completed"},
       R"({"type":"reasoning","id":"i","summary":[],"content":[],)"
       R"("encrypted_content":"rocket.anthropic.redacted:z","status":"completed"})"},
      {"a call",
       {.kind = Kind::tool_call, .name = {"f"}, .arguments = R"({"a":1})"},
       {.id = "i", .status = "completed", .call_id = "c"},
       R"({"type":"function_call","id":"i","call_id":"c","name":"f",)"
       R"("arguments":"{\"a\":1}","status":"completed"})"},
  };
  for (const auto& one : cases) {
    JsonPieces out;
    write_responses_item(one.part, one.item, out);
    EXPECT_EQ(out.joined(), one.written) << one.name;
  }
  EXPECT_EQ(responses_item_type(Kind::foreign), "");
  EXPECT_FALSE(responses_item_has_parts(Kind::redacted_thinking));
  EXPECT_TRUE(responses_item_has_parts(Kind::refusal));
  EXPECT_EQ(responses_item_prefix(Kind::tool_call), "fc");
}

}  // namespace
}  // namespace rocket
