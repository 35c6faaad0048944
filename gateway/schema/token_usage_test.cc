#include "schema/token_usage.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

// The table of docs/translation.md: the same count in each dialect's words.
TEST(TokenUsage, IsCountedInEachDialectsWay) {
  const TokenUsage usage{
      .input = 100, .cache_read = 60, .cache_write = 30, .output = 20, .thinking = 5};
  const struct {
    Dialect dialect;
    std::string_view written;
  } cases[] = {
      {Dialect::chat, R"({"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,)"
                      R"("prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},)"
                      R"("completion_tokens_details":{"reasoning_tokens":5}})"},
      {Dialect::responses, R"({"input_tokens":100,"input_tokens_details":{"cached_tokens":60,)"
                           R"("cache_write_tokens":30},"output_tokens":20,)"
                           R"("output_tokens_details":{"reasoning_tokens":5},"total_tokens":120})"},
      {Dialect::anthropic,
       R"({"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,)"
       R"("output_tokens":20,"output_tokens_details":{"thinking_tokens":5}})"},
  };
  for (const auto& one : cases) {
    std::string written;
    write_usage(one.dialect, usage, written);
    EXPECT_EQ(written, one.written);
    TokenUsage read;
    EXPECT_TRUE(read_usage(one.dialect, written, read));
    EXPECT_EQ(read, usage) << one.written;
  }
  // Ollama counts neither.
  std::string written = "{";
  write_usage(Dialect::ollama, usage, written);
  EXPECT_EQ(written, R"({"prompt_eval_count":100,"eval_count":20)");
  TokenUsage read;
  EXPECT_TRUE(read_usage(Dialect::generate, written + "}", read));
  EXPECT_EQ(read, (TokenUsage{.input = 100, .output = 20}));
}

TEST(TokenUsage, IsReadAsItComes) {
  const struct {
    const char* name;
    Dialect dialect;
    std::string_view object;
    bool read;
    TokenUsage usage;
  } cases[] = {
      {"nothing", Dialect::chat, "{}", false, {}},
      {"no object", Dialect::chat, "null", false, {}},
      {"without details",
       Dialect::chat,
       R"({"prompt_tokens":3,"completion_tokens":2})",
       true,
       {.input = 3, .output = 2}},
      {"null details",
       Dialect::chat,
       R"({"prompt_tokens":3,"prompt_tokens_details":null})",
       true,
       {.input = 3}},
      {"no numbers", Dialect::chat, R"({"prompt_tokens":"3","completion_tokens":-2})", true, {}},
      {"more than the whole",
       Dialect::chat,
       R"({"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":9}})",
       true,
       {.input = 3, .cache_read = 3}},
      {"more than fits",
       Dialect::anthropic,
       R"({"input_tokens":9223372036854775807,"cache_read_input_tokens":9223372036854775807})",
       true,
       {.input = std::int64_t{1} << 54U, .cache_read = std::int64_t{1} << 53U}},
      {"cache not said",
       Dialect::anthropic,
       R"({"input_tokens":3,"output_tokens":0})",
       true,
       {.input = 3}},
      {"cache null",
       Dialect::anthropic,
       R"({"input_tokens":3,"cache_read_input_tokens":null,"output_tokens":1})",
       true,
       {.input = 3, .output = 1}},
  };
  for (const auto& one : cases) {
    TokenUsage usage;
    EXPECT_EQ(read_usage(one.dialect, one.object, usage), one.read) << one.name;
    EXPECT_EQ(usage, one.usage) << one.name;
  }
}

// message_start says what went in, message_delta what came out, and sometimes all of it again.
TEST(TokenUsage, GrowsWithAStream) {
  TokenUsage usage;
  (void)read_usage(Dialect::anthropic,
                   R"({"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1})", usage);
  EXPECT_EQ(usage, (TokenUsage{.input = 15, .cache_read = 5, .output = 1}));
  (void)read_usage(Dialect::anthropic, R"({"output_tokens":9})", usage);
  EXPECT_EQ(usage, (TokenUsage{.input = 15, .cache_read = 5, .output = 9}));
  (void)read_usage(Dialect::anthropic,
                   R"({"input_tokens":12,"cache_read_input_tokens":5,"output_tokens":9})", usage);
  EXPECT_EQ(usage, (TokenUsage{.input = 17, .cache_read = 5, .output = 9}));
}

}  // namespace
}  // namespace rocket
