#include "base/base64.h"

#include <algorithm>

namespace rocket {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> places = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}();

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

std::optional<std::string> base64_decoded(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i)
    text.remove_suffix(1);
  // One digit is less than a byte.
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    const int place = places[static_cast<unsigned char>(c)];
    if (place < 0) return std::nullopt;
    held = held << 6 | static_cast<std::uint32_t>(place);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(held >> bits & 0xffU);
  }
  return bytes;
}

}  // namespace rocket
