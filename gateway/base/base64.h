#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rocket {

// How long base64 of so many bytes is, padding included.
[[nodiscard]] constexpr size_t base64_size(size_t bytes) {
  return (bytes + 2) / 3 * 4;
}

// Base64 (RFC 4648, section 4) of bytes that come in pieces, in pieces.
class Base64Encoder {
 public:
  // Calls write(piece) with what `bytes` add. False as soon as write() is.
  template <class Write>
  [[nodiscard]] bool encode(std::string_view bytes, Write&& write) {
    while (!bytes.empty()) {
      if (!write(take(bytes))) return false;
    }
    return true;
  }
  // What is left, and the padding. Nothing may be encoded behind it.
  [[nodiscard]] std::string_view finish();

 private:
  static constexpr size_t groups_at_once = 1024;

  // Takes as much from the front of `bytes` as there is room for.
  [[nodiscard]] std::string_view take(std::string_view& bytes);
  void write_group(char*& to, std::uint32_t group) const;

  std::array<char, groups_at_once * 4> out_;
  std::array<unsigned char, 3> held_{};
  size_t held_count_ = 0;
};

// The bytes; padding may be missing. Nothing for what is not base64.
[[nodiscard]] std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace rocket
