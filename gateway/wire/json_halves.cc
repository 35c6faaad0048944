#include "wire/json_halves.h"

#include <charconv>

namespace rocket {
namespace {

constexpr std::string_view replacement = "\\ufffd";
static_assert(replacement.size() == lone_half_bytes);

// What stands behind \u at `at`; none: no four digits.
std::optional<unsigned> unit_at(std::string_view json, size_t at) {
  const std::string_view escape = json.substr(at, lone_half_bytes);
  if (escape.size() < lone_half_bytes || !escape.starts_with("\\u")) return std::nullopt;
  unsigned unit = 0;
  const char* const end = escape.data() + escape.size();
  const auto [stop, error] = std::from_chars(escape.data() + 2, end, unit, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return unit;
}

bool is_first(unsigned unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_second(unsigned unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

}  // namespace

std::vector<LoneHalf> lone_halves(std::string_view json) {
  std::vector<LoneHalf> found;
  if (!json.contains("\\u")) return found;
  bool inside = false;
  size_t open = 0;
  for (size_t at = json.find_first_of("\"\\"); at < json.size();
       at = json.find_first_of("\"\\", at)) {
    if (json[at] == '"') {
      inside = !inside;
      open = at++;
      continue;
    }
    const auto unit = inside ? unit_at(json, at) : std::nullopt;
    if (!unit || (!is_first(*unit) && !is_second(*unit))) {
      at += 2;
      continue;
    }
    const bool first = is_first(*unit);
    if (first && is_second(unit_at(json, at + lone_half_bytes).value_or(0))) {
      at += 2 * lone_half_bytes;
      continue;
    }
    found.push_back({at, open, first});
    at += lone_half_bytes;
  }
  return found;
}

std::optional<std::string> without_lone_halves(std::string_view json) {
  const std::vector<LoneHalf> halves = lone_halves(json);
  if (halves.empty()) return std::nullopt;
  std::string text(json);
  for (const LoneHalf& half : halves)
    text.replace(half.at, lone_half_bytes, replacement);
  return text;
}

}  // namespace rocket
