#pragma once

#include <optional>
#include <string_view>

#include "schema/dialect.h"

namespace rocket {

// Why an answer ends.
enum class StopReason : unsigned char {
  end,               // the model has said what it wanted
  stop_sequence,     // one of `stop` came up
  max_tokens,        // the request's limit
  context_exceeded,  // the model's limit
  tool_use,          // it wants tools to be called
  content_filter,    // it may not, or does not want to
  pause,             // the provider's own tool takes longer: ask again
};
inline constexpr size_t stop_reason_count = 7;

// The dialect's word for it: "end_turn". Of Responses what goes into incomplete_details, or
// "completed". Where a dialect has fewer words, the nearest that does not claim more.
[[nodiscard]] std::string_view stop_word(Dialect dialect, StopReason reason);

// What the word, as it stands between quotes, means; nothing for one that is not known: that an
// answer is whole has to be said, not guessed.
[[nodiscard]] std::optional<StopReason> read_stop_word(Dialect dialect, std::string_view raw);

// The same of Anthropic's, which become more over time: an answer that ends for a reason that is
// not known here has ended all the same.
[[nodiscard]] inline StopReason read_anthropic_stop(std::string_view raw) {
  return read_stop_word(Dialect::anthropic, raw).value_or(StopReason::end);
}

}  // namespace rocket
