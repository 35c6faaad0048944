#include "config/name.h"

#include <algorithm>

namespace rocket {

bool is_name(std::string_view text) {
  constexpr size_t name_bytes_max = 64;
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("._-").contains(c);
  });
}

}  // namespace rocket
