#include "schema/chat_parts.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

Part image(Media::Source source) {
  return {.kind = Part::Kind::image,
          .media = {.source = source, .type = {"image/png"}, .data = {"AA=="}}};
}

Part document(Media::Source source) {
  return {.kind = Part::Kind::document,
          .name = {"d"},
          .media = {.source = source, .type = {"text/plain"}, .data = {"x"}}};
}

Part foreign(std::string_view text) {
  return {.kind = Part::Kind::foreign, .text = {text}, .json = R"({"type":"odd"})"};
}

TEST(ChatParts, WhatChatHasNoWordsForIsNamed) {
  const struct {
    const char* name;
    std::vector<Part> parts;
    Dialect from;
    std::string content;
    std::string loss;
  } cases[] = {
      {"nothing", {}, Dialect::anthropic, R"("")", ""},
      {"one text", {{.text = {"a"}}}, Dialect::anthropic, R"("a")", ""},
      {"a text with something of its own",
       {{.text = {"a"}, .extra = {{"own", "1"}}}},
       Dialect::chat,
       R"([{"type":"text","text":"a","own":1}])",
       ""},
      {"the same of another dialect",
       {{.text = {"a"}, .extra = {{"own", "1"}}}},
       Dialect::anthropic,
       R"("a")",
       "dropped=own"},
      {"an image",
       {image(Media::Source::base64)},
       Dialect::anthropic,
       R"([{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}])",
       ""},
      {"an image that the provider keeps",
       {image(Media::Source::file), {.text = {"a"}}},
       Dialect::anthropic,
       R"("a")",
       "dropped=image"},
      {"a document of text",
       {document(Media::Source::text)},
       Dialect::anthropic,
       R"([{"type":"text","text":"x"}])",
       "emulated=document"},
      {"a document by its URL",
       {document(Media::Source::url)},
       Dialect::anthropic,
       R"("")",
       "dropped=document"},
      {"what is foreign, of chat's own", {foreign("")}, Dialect::chat, R"([{"type":"odd"}])", ""},
      {"what is foreign", {foreign("")}, Dialect::anthropic, R"("")", "dropped=odd"},
      {"what is foreign, in words",
       {foreign("said")},
       Dialect::anthropic,
       R"([{"type":"text","text":"said"}])",
       "emulated=odd"},
  };
  for (const auto& one : cases) {
    JsonPieces out;
    TranslationLoss loss;
    write_chat_parts(one.parts, {.from = one.from, .out = out, .loss = loss});
    EXPECT_EQ(out.joined(), one.content) << one.name;
    EXPECT_EQ(loss.to_string(), one.loss) << one.name;
  }
}

}  // namespace
}  // namespace rocket
