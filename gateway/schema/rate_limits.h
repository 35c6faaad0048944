#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/rate_room.h"
#include "base/timestamp.h"
#include "wire/http_message.h"

namespace rocket {

// What the headers of an answer say of rate limits: `x-ratelimit-{remaining,reset}-{requests,
// tokens}` (OpenAI, "Rate limits"; so do Rocket and most clouds) or `anthropic-ratelimit-{requests,
// tokens,input-tokens,output-tokens}-{remaining,reset}` (Anthropic, "Rate limits"). What does not
// make sense is as good as not said.
[[nodiscard]] RateRoom read_rate_room(const HeaderList& headers, WallTime now);

// Of a 429 of another Rocket, `x-rocket-limit: concurrent=2`: so many requests at once are all that
// the key may have, and another may be asked when one of them has ended. None: it is another limit.
[[nodiscard]] std::optional<std::uint32_t> read_concurrent_limit(const HeaderList& headers);

// How long it is until a limit is reset: "1m6.5s", "20ms", "12" (seconds), or RFC 3339. None, if
// it makes no sense. Not negative, and no longer than a day.
[[nodiscard]] std::optional<Duration> parse_reset(std::string_view text, WallTime now);

}  // namespace rocket
