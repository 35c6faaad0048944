#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/timestamp.h"

namespace rocket {

// How long a Retry-After header asks to wait (RFC 9110, section 10.2.3: seconds, or a date of
// which `now` is subtracted); none if it makes no sense. Not bounded: an upstream may ask for
// years.
[[nodiscard]] std::optional<Duration> parse_retry_after(std::string_view value, WallTime now);

}  // namespace rocket
