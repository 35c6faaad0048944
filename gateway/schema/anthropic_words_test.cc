#include "schema/anthropic_words.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(AnthropicWords, AreWhatABlockSaysInTexts) {
  const struct {
    const char* block;
    const char* words;
  } cases[] = {
      {R"({"type":"search_result","source":"https://a","title":"T","content":[{"type":"text",)"
       R"("text":"x\ty"},{"type":"text","text":"z"}]})",
       R"(T\nhttps://a\n\nx\ty\n\nz)"},
      {R"({"type":"search_result","source":"s","title":"T","content":[]})", ""},
      {R"({"type":"document","source":{"type":"content","content":"plain"}})", "plain"},
      {R"({"type":"document","title":"T","source":{"type":"content","content":[{"type":"image"},)"
       R"({"type":"text","text":"x"}]}})",
       R"(T\n\nx)"},
      {R"({"type":"document","source":{"type":"content","content":[{"type":"image"}]}})", ""},
      {R"({"type":"document","source":7})", ""},
      {R"({"type":"container_upload","content":"x"})", ""},
      {R"({"content":"x"})", ""},
  };
  for (const auto& one : cases) {
    const auto block = parse_json(one.block);
    ASSERT_TRUE(block) << one.block;
    EXPECT_EQ(words_of_block(*block), one.words) << one.block;
  }
}

}  // namespace
}  // namespace rocket
