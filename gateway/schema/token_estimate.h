#pragma once

#include <cstdint>
#include <optional>

#include "schema/conversation.h"

namespace rocket {

// With most tokenizers, in English.
inline constexpr std::int64_t characters_per_token = 4;

// About how many tokens a text of so many characters has.
[[nodiscard]] constexpr std::uint64_t about_tokens(std::uint64_t characters) {
  return characters / characters_per_token;
}

// About how many tokens a request has, for whom nobody can count: by its characters, and a flat
// price for an image. Never 0.
[[nodiscard]] std::int64_t estimate_tokens(const Conversation& conversation);

// The limit of an answer that fits into a context of so many tokens behind the prompt, for servers
// that refuse a larger one. Nothing: what was asked for does, or nobody can tell. 0: no limit is
// needed, as the context surely ends first.
[[nodiscard]] std::optional<std::int64_t> limit_that_fits(const Conversation& conversation,
                                                          std::int64_t context);

}  // namespace rocket
