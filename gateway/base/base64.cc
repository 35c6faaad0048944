#include "base/base64.h"

#include <algorithm>

namespace rocket {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint32_t group_of(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[2];
}

}  // namespace

void Base64Encoder::write_group(char*& to, std::uint32_t group) const {
  *to++ = alphabet[group >> 18];
  *to++ = alphabet[group >> 12 & 63U];
  *to++ = alphabet[group >> 6 & 63U];
  *to++ = alphabet[group & 63U];
}

std::string_view Base64Encoder::take(std::string_view& bytes) {
  char* to = out_.data();
  while (held_count_ != 0 && held_count_ != 3 && !bytes.empty()) {
    held_[held_count_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
  }
  if (held_count_ == 3) {
    write_group(to, group_of(held_.data()));
    held_count_ = 0;
  }
  if (held_count_ == 0) {
    const size_t room = static_cast<size_t>(out_.data() + out_.size() - to) / 4;
    const size_t groups = std::min(bytes.size() / 3, room);
    for (size_t i = 0; i < groups; ++i)
      write_group(to, group_of(reinterpret_cast<const unsigned char*>(bytes.data()) + 3 * i));
    bytes.remove_prefix(groups * 3);
    if (bytes.size() < 3) {
      for (const char c : bytes)
        held_[held_count_++] = static_cast<unsigned char>(c);
      bytes = {};
    }
  }
  return {out_.data(), static_cast<size_t>(to - out_.data())};
}

std::string_view Base64Encoder::finish() {
  if (held_count_ == 0) return {};
  std::fill(held_.begin() + static_cast<std::ptrdiff_t>(held_count_), held_.end(), 0);
  char* to = out_.data();
  write_group(to, group_of(held_.data()));
  std::fill(out_.begin() + static_cast<std::ptrdiff_t>(held_count_) + 1, out_.begin() + 4, '=');
  held_count_ = 0;
  return {out_.data(), 4};
}

}  // namespace rocket
