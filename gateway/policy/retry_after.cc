#include "policy/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <string>

namespace rocket {
namespace {

// The first form is the only one that may be sent today; the others are still to be understood
// (RFC 9110, section 5.6.7).
constexpr std::array date_forms{
    "%a, %d %b %Y %H:%M:%S GMT",  // Sun, 06 Nov 1994 08:49:37 GMT
    "%A, %d-%b-%y %H:%M:%S GMT",  // Sunday, 06-Nov-94 08:49:37 GMT
    "%a %b %e %H:%M:%S %Y",       // Sun Nov  6 08:49:37 1994
};

std::optional<std::time_t> parse_http_date(std::string_view text) {
  const std::string copy(text);
  for (const char* const form : date_forms) {
    std::tm date{};
    const char* const end = strptime(copy.c_str(), form, &date);
    if (end != nullptr && *end == '\0') return timegm(&date);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Duration> parse_retry_after(std::string_view value, WallTime now) {
  constexpr std::uint32_t seconds_max = 100U * 365 * 24 * 3600;
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (!value.empty() && end == value.data() + value.size()) {
    if (error != std::errc() || seconds > seconds_max) seconds = seconds_max;
    return std::chrono::seconds(seconds);
  }
  const auto date = parse_http_date(value);
  if (!date) return std::nullopt;
  // Nanoseconds in 64 bits end in the year 2262, dates in 9999.
  using Clock = std::chrono::system_clock;
  const std::time_t most = Clock::to_time_t(now) + seconds_max;
  const auto then = Clock::from_time_t(std::clamp<std::time_t>(*date, 0, most));
  return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(then - now));
}

}  // namespace rocket
