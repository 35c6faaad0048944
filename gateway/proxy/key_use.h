#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "policy/key_limits.h"
#include "schema/openai_answer.h"

// How a key's limits look from outside: what a request is expected to use, and what its answer
// says is left.
namespace rocket {

// The tokens that a request may use, before anyone has counted them: four bytes of the body for
// one of the prompt, and as many of each choice of the answer as it allows. `body` is valid JSON.
[[nodiscard]] std::uint64_t expected_tokens(std::string_view body);

// The tokens that a request with a body of so many bytes has used, as far as anyone has counted
// them: a prompt that nobody has counted counts as expected, but for no more than `prompt_most`.
[[nodiscard]] std::uint64_t used_tokens(const Usage& usage, std::uint64_t body_bytes,
                                        std::uint64_t prompt_most);

// x-ratelimit-{limit,remaining,reset}-{requests,tokens}, as OpenAI writes them, for the limits
// that there are.
void append_limit_lines(std::string& lines, const KeyLimits& limits, TimePoint now);

// "20ms", "1s", "1.5s", "6m0s", "1h0m0s": rounded up to the millisecond, and "0s".
[[nodiscard]] std::string limit_duration(Duration duration);

// The 429's text, which names the limit and what to do.
[[nodiscard]] std::string refusal_text(const KeyLimits& limits, const KeyLimits::Refusal& refusal);
// A wait as Retry-After tells it: not too short, and never 0.
[[nodiscard]] std::int64_t whole_seconds(Duration wait);

}  // namespace rocket
