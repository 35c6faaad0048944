#include "schema/prompt.h"

namespace rocket {

std::uint64_t count_characters(std::string_view prompt) {
  constexpr size_t unicode_escape_bytes = 6;  // \u00e4
  std::uint64_t count = 0;
  for (size_t i = 0; i < prompt.size(); ++i) {
    const auto byte = static_cast<unsigned char>(prompt[i]);
    if ((byte & 0xc0U) == 0x80U) continue;  // inside of a character
    ++count;
    if (byte != '\\' || i + 1 == prompt.size()) continue;
    i += prompt[i + 1] == 'u' ? unicode_escape_bytes - 1 : 1;
  }
  return count;
}

}  // namespace rocket
