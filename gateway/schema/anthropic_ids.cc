#include "schema/anthropic_ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rocket {
namespace {

constexpr std::string_view mark = "rocket_";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

// Of what stands between the quotes: escapes are bytes like others. '-' begins the bytes that are
// not plain, and is itself one of them.
std::string anthropic_id(RawText id) {
  if (std::ranges::all_of(id.inside, is_plain) && !id.inside.starts_with(mark)) {
    return std::string(id.inside);
  }
  std::string name(mark);
  for (const char c : id.inside) {
    if (is_plain(c) && c != '-') {
      name += c;
    } else {
      fmt::format_to(std::back_inserter(name), "-{:02x}", static_cast<unsigned char>(c));
    }
  }
  return name;
}

RawText anthropic_id_read(RawText id, KeptTexts& kept) {
  if (!id.inside.starts_with(mark)) return id;
  std::string text;
  std::string_view rest = id.inside.substr(mark.size());
  while (!rest.empty()) {
    if (rest.front() != '-') {
      text += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = rest.substr(1, 2);
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, byte, 16);
    if (digits.size() != 2 || error != std::errc() || stop != end) return id;
    text += static_cast<char>(byte);
    rest.remove_prefix(3);
  }
  // Only what anthropic_id wrote is taken back, and nothing that could end a string.
  if (!json_string_valid(text) || anthropic_id({text}) != id.inside) return id;
  return {kept.keep(std::move(text))};
}

}  // namespace rocket
