#include "schema/prompt.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Prompt, HasImages) {
  const struct {
    const char* name;
    std::string_view prompt;
    bool expected;
  } cases[] = {
      {"text", R"([{"role":"user","content":"hi"}])", false},
      {"text about images", R"([{"role":"user","content":"an image_url, \"type\":\"image\""}])",
       false},
      {"parts of text", R"([{"role":"user","content":[{"type":"text","text":"image"}]}])", false},
      {"an image",
       R"([{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"t"},
          {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}])",
       true},
      {"Anthropic's", R"([{"role":"user","content":[{"type":"image","source":{}}]}])", true},
      {"Responses'", R"([{"role":"user","content":[{"type":"input_image"}]}])", true},
      {"not of its type", R"([{"role":"user","content":[{"image_url":{}}]}])", false},
      {"a type of another kind", R"([{"role":"user","content":[{"type":["image"]}]}])", false},
      {"messages that are none", R"(["image",1,null,[{"type":"image"}]])", false},
      {"a string", R"("image")", false},
      {"nothing", "", false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(has_images(c.prompt), c.expected) << c.name;
}

TEST(Prompt, CountsCharacters) {
  const struct {
    const char* name;
    std::string_view prompt;
    std::uint64_t expected;
  } cases[] = {
      {"nothing", "", 0},
      {"with its quotes", R"("abc")", 5},
      {"umlauts", "\"\u00e4\u00f6\"", 4},
      {"Chinese", "\"\u4f60\u597d\"", 4},
      {"an emoji", "\"\U0001f600\"", 3},
      {"line breaks", R"("a\nb\n")", 6},
      {"a quote and a backslash", R"("\"\\")", 4},
      {"an escaped character", R"("\u4f60\u597d")", 4},
      {"cut behind a backslash", R"("\)", 2},
      {"cut inside of an escape", R"("\u4f)", 2},
  };
  for (const auto& c : cases)
    EXPECT_EQ(count_characters(c.prompt), c.expected) << c.name;
}

}  // namespace
}  // namespace rocket
