#include "schema/split_characters.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

using Texts = std::vector<std::string>;

std::string saying(const std::string& text, const std::string& member = "content") {
  return R"({"choices":[{"index":0,"delta":{")" + member + "\": \"" + text + R"("}}]})";
}

TEST(SplitCharacters, HalvesBecomeOneCharacter) {
  const std::string args = "arguments";
  const struct {
    const char* name;
    Texts events;
    Texts read;
  } cases[] = {
      {"two halves",
       {saying("a\\ud83d"), saying("\\ude00b")},
       {saying("a\\ud83d\\ude00"), saying("b")}},
      {"nothing else in either",
       {saying("\\ud83d"), saying("\\ude00")},
       {saying("\\ud83d\\ude00"), saying("")}},
      {"three in a row",
       {saying("\\ud83d"), saying("\\ude00\\ud83d"), saying("\\ude01")},
       {saying("\\ud83d\\ude00"), saying("\\ud83d\\ude01"), saying("")}},
      {"a comment between them",
       {saying("\\ud83d"), "", saying("\\ude00")},
       {saying("\\ud83d\\ude00"), saying("")}},
      {"a call's arguments",
       {saying("\\ud83d", args), saying("\\ude00", args)},
       {saying("\\ud83d\\ude00", args), saying("", args)}},
      {"under another key",
       {saying("\\ud83d"), saying("\\ude00", args)},
       {saying("\\ufffd"), saying("\\ufffd", args)}},
      {"the other half never comes",
       {saying("\\ud83d"), saying("x")},
       {saying("\\ufffd"), saying("x")}},
      {"the stream ends", {saying("\\ud83d"), "[DONE]"}, {saying("\\ufffd"), "[DONE]"}},
      {"the first half never came", {saying("\\ude00")}, {saying("\\ufffd")}},
      {"a first half in front of something", {saying("\\ud83dx")}, {saying("\\ufffdx")}},
      {"what follows is no JSON at all",
       {saying("\\ud83d"), "{\"cut"},
       {saying("\\ufffd"), "{\"cut"}},
      {"in two texts of one event",
       {R"({"content":"\ud83d","logprobs":[{"token":"\ud83d"}]})",
        R"({"content":"\ude00","logprobs":[{"token":"\ude00"}]})"},
       {R"({"content":"\ud83d\ude00","logprobs":[{"token":"\ud83d\ude00"}]})",
        R"({"content":"","logprobs":[{"token":""}]})"}},
  };
  for (const auto& c : cases) {
    SplitCharacters split(Dialect::chat);
    Texts read;
    for (const std::string& event : c.events) {
      for (std::string& text : split.mend(event))
        read.push_back(std::move(text));
    }
    EXPECT_EQ(read, c.read) << c.name;
    EXPECT_FALSE(split.waiting()) << c.name;
  }
}

// What may be the last that is said waits for nothing.
TEST(SplitCharacters, OnlyPiecesWait) {
  const struct {
    Dialect from;
    const char* event;
    bool waits;
  } cases[] = {
      {Dialect::chat, R"({"content":"\ud83d"})", true},
      {Dialect::anthropic, R"({"text":"\ud83d"})", true},
      {Dialect::responses, R"({"type":"response.output_text.delta","delta":"\ud83d"})", true},
      {Dialect::responses, R"({"type":"response.completed","text":"\ud83d"})", false},
      {Dialect::ollama, R"({"message":{"content":"\ud83d"},"done":true})", false},
  };
  for (const auto& c : cases) {
    SplitCharacters split(c.from);
    EXPECT_EQ(split.mend(c.event).empty(), c.waits) << c.event;
    EXPECT_EQ(split.waiting(), c.waits) << c.event;
    EXPECT_EQ(split.kept_bytes() != 0, c.waits) << c.event;
  }
}

}  // namespace
}  // namespace rocket
