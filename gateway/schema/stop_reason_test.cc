#include "schema/stop_reason.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr Dialect dialects[] = {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                Dialect::ollama, Dialect::generate};

TEST(StopReason, IsReadAsItIsMeant) {
  const struct {
    Dialect dialect;
    std::string_view word;
    std::optional<StopReason> reason;
  } cases[] = {
      {Dialect::chat, "stop", StopReason::end},
      {Dialect::chat, "length", StopReason::max_tokens},
      {Dialect::chat, "tool_calls", StopReason::tool_use},
      {Dialect::chat, "function_call", StopReason::tool_use},
      {Dialect::chat, "content_filter", StopReason::content_filter},
      {Dialect::chat, "eos", StopReason::end},
      {Dialect::chat, "model_length", StopReason::context_exceeded},
      {Dialect::chat, "abort", std::nullopt},
      {Dialect::chat, "error", std::nullopt},
      {Dialect::chat, "", std::nullopt},
      {Dialect::chat, "end_turn", std::nullopt},
      {Dialect::anthropic, "end_turn", StopReason::end},
      {Dialect::anthropic, "stop_sequence", StopReason::stop_sequence},
      {Dialect::anthropic, "max_tokens", StopReason::max_tokens},
      {Dialect::anthropic, "model_context_window_exceeded", StopReason::context_exceeded},
      {Dialect::anthropic, "tool_use", StopReason::tool_use},
      {Dialect::anthropic, "refusal", StopReason::content_filter},
      {Dialect::anthropic, "pause_turn", StopReason::pause},
      {Dialect::anthropic, "stop", std::nullopt},
      {Dialect::ollama, "stop", StopReason::end},
      {Dialect::ollama, "length", StopReason::max_tokens},
      {Dialect::ollama, "load", StopReason::end},
      {Dialect::generate, "unload", StopReason::end},
      {Dialect::responses, "completed", StopReason::end},
      {Dialect::responses, "max_output_tokens", StopReason::max_tokens},
      {Dialect::responses, "content_filter", StopReason::content_filter},
      {Dialect::responses, "failed", std::nullopt},
  };
  for (const auto& one : cases)
    EXPECT_EQ(read_stop_word(one.dialect, one.word), one.reason) << one.word;
}

TEST(StopReason, EveryReasonHasAWordThatIsUnderstood) {
  for (const Dialect dialect : dialects) {
    for (size_t i = 0; i < stop_reason_count; ++i) {
      const std::string_view word = stop_word(dialect, static_cast<StopReason>(i));
      const auto read = read_stop_word(dialect, word);
      ASSERT_TRUE(read) << word;
      EXPECT_EQ(stop_word(dialect, *read), word);
    }
  }
}

// Who reads "stop" takes what was said for all there is to say.
TEST(StopReason, ARefusalIsNoEndWhereThereIsAWordForIt) {
  const auto refusal = read_stop_word(Dialect::anthropic, "refusal");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(stop_word(Dialect::chat, *refusal), "content_filter");
  EXPECT_EQ(stop_word(Dialect::responses, *refusal), "content_filter");
}

// What was cut off is told to be, everywhere.
TEST(StopReason, ALimitIsNeverCalledAnEnd) {
  for (const Dialect dialect : dialects) {
    const std::string_view end = stop_word(dialect, StopReason::end);
    EXPECT_NE(stop_word(dialect, StopReason::max_tokens), end);
    EXPECT_NE(stop_word(dialect, StopReason::context_exceeded), end);
  }
}

}  // namespace
}  // namespace rocket
