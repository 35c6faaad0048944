#include "config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>

#include "base/assert.h"

namespace rocket {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first.
constexpr std::array<Unit, 4> time_units{{
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
}};
constexpr std::array<Unit, 4> size_units{{
    {"GiB", 1'073'741'824},
    {"MiB", 1'048'576},
    {"KiB", 1024},
    {"", 1},
}};
constexpr Duration duration_max = std::chrono::hours(10'000);
// So that nothing that is added to one, or several of them, overflows.
constexpr std::uint64_t size_max = std::uint64_t{1} << 50U;

std::optional<std::uint64_t> read_digits(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc() || end != text.end()) return std::nullopt;
  return number;
}

// 0.DIGITS times `factor`, if that is a whole number.
std::optional<std::uint64_t> scaled_fraction(std::string_view digits, std::uint64_t factor) {
  constexpr size_t digits_max = 18;  // 10 to this power fits
  if (digits.size() > digits_max) return std::nullopt;
  const std::optional<std::uint64_t> numerator = read_digits(digits);
  if (!numerator) return std::nullopt;
  std::uint64_t denominator = 1;
  for (size_t i = 0; i < digits.size(); ++i)
    denominator *= 10;
  const std::uint64_t common = std::gcd(factor, denominator);
  if (*numerator % (denominator / common) != 0) return std::nullopt;
  return *numerator / (denominator / common) * (factor / common);
}

// A decimal number times the unit behind it, if that is a whole number and fits.
std::optional<std::uint64_t> read_quantity(std::string_view text, std::span<const Unit> units) {
  const size_t number_bytes = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto unit = std::ranges::find(units, text.substr(number_bytes), &Unit::name);
  if (unit == units.end()) return std::nullopt;
  const std::string_view number = text.substr(0, number_bytes);
  const size_t dot = number.find('.');

  const std::optional<std::uint64_t> whole = read_digits(number.substr(0, dot));
  std::optional<std::uint64_t> fraction = 0;
  if (dot != std::string_view::npos) {
    fraction = scaled_fraction(number.substr(dot + 1), unit->factor);
  }
  if (!whole || !fraction) return std::nullopt;
  std::uint64_t quantity = 0;
  if (__builtin_mul_overflow(*whole, unit->factor, &quantity)) return std::nullopt;
  if (__builtin_add_overflow(quantity, *fraction, &quantity)) return std::nullopt;
  return quantity;
}

const Unit* largest_whole_unit(std::uint64_t quantity, std::span<const Unit> units) {
  const auto unit = std::ranges::find_if(
      units, [&](const Unit& candidate) { return quantity % candidate.factor == 0; });
  return unit == units.end() ? nullptr : &*unit;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const std::optional<std::uint64_t> nanoseconds = read_quantity(text, time_units);
  if (!nanoseconds || *nanoseconds > static_cast<std::uint64_t>(duration_max.count())) {
    return std::nullopt;
  }
  return Duration(static_cast<Duration::rep>(*nanoseconds));
}

std::optional<ByteSize> parse_byte_size(std::string_view text) {
  const std::optional<std::uint64_t> bytes = read_quantity(text, size_units);
  if (!bytes || *bytes > size_max) return std::nullopt;
  return ByteSize{*bytes};
}

std::string to_string(Duration duration) {
  ROCKET_ASSERT(duration >= Duration::zero());
  if (duration == Duration::zero()) return "0s";
  const auto nanoseconds = static_cast<std::uint64_t>(duration.count());
  if (const Unit* unit = largest_whole_unit(nanoseconds, time_units)) {
    return fmt::format("{}{}", nanoseconds / unit->factor, unit->name);
  }
  const Unit& finest = time_units.back();
  std::string text =
      fmt::format("{}.{:06}", nanoseconds / finest.factor, nanoseconds % finest.factor);
  text.erase(text.find_last_not_of('0') + 1);
  return text + std::string(finest.name);
}

std::string to_string(ByteSize size) {
  if (size.bytes == 0) return "0";
  const Unit* unit = largest_whole_unit(size.bytes, size_units);
  return fmt::format("{}{}", size.bytes / unit->factor, unit->name);
}

}  // namespace rocket
