#include "schema/rate_limits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>
#include <type_traits>
#include <utility>

namespace rocket {
namespace {

using Left = RateRoom::Left;

constexpr Duration longest = std::chrono::hours(24);
// Nanoseconds in 64 bits end in the year 2262, dates in 9999.
constexpr std::time_t latest = 9'000'000'000;

template <class Number>
std::optional<Number> take_number(std::string_view& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || text.starts_with('-')) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(number)) return std::nullopt;
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

// The unit that `text` begins with, taken off it; seconds if nothing is left.
std::optional<double> take_unit(std::string_view& text) {
  if (text.empty()) return 1;
  constexpr std::pair<std::string_view, double> units[] = {
      {"ms", 0.001}, {"us", 0.000001}, {"h", 3600}, {"m", 60}, {"s", 1}, {"d", 86400}};
  for (const auto& [name, seconds] : units) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return seconds;
  }
  return std::nullopt;
}

std::optional<Duration> parse_length(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    const auto number = take_number<double>(text);
    if (!number) return std::nullopt;
    const auto unit = take_unit(text);
    if (!unit) return std::nullopt;
    seconds += *number * *unit;
  }
  if (!(seconds < std::chrono::duration<double>(longest).count())) return longest;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// "+02:00" behind a time: how far its zone is ahead. None, if it is no offset.
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes(0);
  if (text.size() != 6 || text[3] != ':' || (text[0] != '+' && text[0] != '-')) {
    return std::nullopt;
  }
  std::string_view hours_text = text.substr(1, 2);
  std::string_view minutes_text = text.substr(4);
  const auto hours = take_number<unsigned>(hours_text);
  const auto minutes = take_number<unsigned>(minutes_text);
  if (!hours || !minutes || !hours_text.empty() || !minutes_text.empty()) return std::nullopt;
  const std::chrono::minutes ahead(static_cast<int>(*hours * 60 + *minutes));
  return text[0] == '+' ? ahead : -ahead;
}

// RFC 3339, section 5.6; of a fraction of a second it takes no notice.
std::optional<WallTime> parse_time(std::string_view text) {
  std::tm date{};
  const std::string copy(text);
  const char* const end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &date);
  if (end == nullptr) return std::nullopt;
  std::string_view rest = std::string_view(copy).substr(static_cast<size_t>(end - copy.c_str()));
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
  }
  const auto ahead = parse_offset(rest);
  if (!ahead) return std::nullopt;
  const auto seconds = std::clamp<std::time_t>(timegm(&date), 0, latest);
  return std::chrono::system_clock::from_time_t(seconds) - *ahead;
}

std::optional<Left> read_left(const HeaderList& headers, std::string_view remaining,
                              std::string_view reset, WallTime now) {
  const auto count_text = headers.find(remaining);
  if (!count_text) return std::nullopt;
  std::string_view text = *count_text;
  const auto count = take_number<std::uint64_t>(text);
  const auto resets_in = parse_reset(headers.find(reset).value_or(""), now);
  if (!count || !text.empty() || !resets_in) return std::nullopt;
  return Left{*count, *resets_in};
}

std::optional<Left> tighter(const std::optional<Left>& a, const std::optional<Left>& b) {
  if (!a || !b) return a ? a : b;
  return a->count <= b->count ? a : b;
}

}  // namespace

std::optional<std::uint32_t> read_concurrent_limit(const HeaderList& headers) {
  constexpr std::string_view name = "concurrent=";
  std::string_view text = headers.find("x-rocket-limit").value_or("");
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  const auto most = take_number<std::uint32_t>(text);
  return most && *most != 0 && text.empty() ? most : std::nullopt;
}

std::optional<Duration> parse_reset(std::string_view text, WallTime now) {
  const auto then = parse_time(text);
  if (!then) return parse_length(text);
  const auto wait = std::chrono::duration_cast<Duration>(*then - now);
  return std::clamp(wait, Duration::zero(), longest);
}

RateRoom read_rate_room(const HeaderList& headers, WallTime now) {
  const auto openai = [&](std::string_view remaining, std::string_view reset) {
    return read_left(headers, remaining, reset, now);
  };
  if (headers.find("x-ratelimit-remaining-requests") ||
      headers.find("x-ratelimit-remaining-tokens")) {
    return {openai("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
            openai("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
            {}};
  }
  if (!headers.find("anthropic-ratelimit-requests-remaining") &&
      !headers.find("anthropic-ratelimit-tokens-remaining")) {
    return {};
  }
  const auto anthropic = [&](const std::string& what) {
    const std::string name = "anthropic-ratelimit-" + what;
    return read_left(headers, name + "-remaining", name + "-reset", now);
  };
  return {anthropic("requests"), tighter(anthropic("tokens"), anthropic("input-tokens")),
          anthropic("output-tokens")};
}

}  // namespace rocket
