#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace rocket {

// "250ms", "2s", "1.5h": a decimal number and one of ms, s, m, h, at most 10000h. Exact: what is
// finer than a nanosecond is refused.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

// "64KiB", "100MiB", "1.5GiB", or a plain number of bytes: at most 1048576GiB. Only whole
// bytes.
[[nodiscard]] std::optional<ByteSize> parse_byte_size(std::string_view text);

// In the largest unit that gives a whole number ("90s", "100MiB"); reads back to the same.
[[nodiscard]] std::string to_string(Duration duration);
[[nodiscard]] std::string to_string(ByteSize size);

}  // namespace rocket
