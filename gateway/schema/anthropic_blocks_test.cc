#include "schema/anthropic_blocks.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

Part image(Media media) {
  Part part{.kind = Part::Kind::image};
  part.media = media;
  return part;
}

TEST(AnthropicBlocks, WritesWhatItCanAndNamesTheRest) {
  using Kind = Part::Kind;
  const Part with_extra{.text = {"x"}, .extra = {{"annotations", "[1]"}}};
  Part document{.kind = Kind::document, .name = {"t"}};
  document.media = {Media::Source::text, {}, {"words"}};
  const struct {
    const char* name;
    Part part;
    std::string_view written;  // empty: it can not be
    std::string_view loss;
  } cases[] = {
      {"a text", with_extra, R"({"type":"text","text":"x"})", "dropped=annotations"},
      {"no text", {}, "", ""},
      {"a refusal",
       {.kind = Kind::refusal, .text = {"no"}},
       R"({"type":"text","text":"no"})",
       "emulated=refusal"},
      {"an image", image({Media::Source::base64, {}, {"/9j/AA"}}),
       R"({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/AA"}})",
       ""},
      {"an image by another name", image({Media::Source::base64, {"image/jpg"}, {"/9j/AA"}}),
       R"({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/AA"}})",
       ""},
      {"an address", image({Media::Source::url, {}, {"https://x/"}}),
       R"({"type":"image","source":{"type":"url","url":"https://x/"}})", ""},
      {"another's file", image({Media::Source::file, {}, {"f"}}), "", "dropped=image"},
      {"a document", document,
       R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"},)"
       R"("title":"t"})",
       ""},
      {"a call",
       {.kind = Kind::tool_call, .name = {"f"}, .arguments = "{}"},
       R"({"type":"tool_use","id":"made","name":"f","input":{}})",
       ""},
      {"unsigned thinking", {.kind = Kind::thinking, .text = {"Hm"}}, "", "dropped=thinking"},
      {"signed thinking",
       {.kind = Kind::thinking, .text = {"Hm"}, .signature = {"s"}},
       R"({"type":"thinking","thinking":"Hm","signature":"s"})",
       ""},
      {"sealed thinking",
       {.kind = Kind::redacted_thinking, .text = {"z"}},
       R"({"type":"redacted_thinking","data":"z"})",
       ""},
      {"a failed result",
       {.kind = Kind::tool_result,
        .id = {"c"},
        .content = {image({}), {.text = {"t"}}},
        .failed = true},
       R"({"type":"tool_result","tool_use_id":"c","is_error":true,"content":[)"
       R"({"type":"image","source":{"type":"base64","media_type":"","data":""}},)"
       R"({"type":"text","text":"t"}]})",
       ""},
      {"a foreign part",
       {.kind = Kind::foreign, .json = R"({"type":"input_audio"})"},
       "",
       "dropped=input_audio"},
  };
  for (const auto& one : cases) {
    JsonPieces out;
    TranslationLoss loss;
    AnthropicBlocks blocks(Dialect::chat, AnthropicBlocks::Place::request, out, loss);
    const bool can = blocks.can_write(one.part);
    if (can) blocks.write(one.part, "made");
    EXPECT_EQ(can, !one.written.empty()) << one.name;
    EXPECT_EQ(out.joined(), one.written) << one.name;
    EXPECT_EQ(loss.to_string(), one.loss) << one.name;
  }
}

TEST(AnthropicBlocks, AnAnswerMayThinkUnsigned) {
  JsonPieces out;
  TranslationLoss loss;
  AnthropicBlocks blocks(Dialect::chat, AnthropicBlocks::Place::answer, out, loss);
  const Part part{.kind = Part::Kind::thinking, .text = {"Hm"}};
  ASSERT_TRUE(blocks.can_write(part));
  blocks.write(part, {});
  EXPECT_EQ(out.joined(), R"({"type":"thinking","thinking":"Hm","signature":""})");
}

}  // namespace
}  // namespace rocket
