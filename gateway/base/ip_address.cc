#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace rocket {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress IpAddress::v4(std::uint32_t address) {
  IpAddress result;
  std::ranges::copy(v4_prefix, result.bytes.begin());
  for (size_t i = 0; i < 4; ++i)
    result.bytes[12 + i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
  return result;
}

std::optional<IpAddress> IpAddress::from_text(std::string_view text) {
  const std::string terminated(text);
  // A NUL would hide what comes behind it.
  if (terminated.contains('\0')) return std::nullopt;
  in_addr v4_address{};
  if (inet_pton(AF_INET, terminated.c_str(), &v4_address) == 1) {
    return v4(ntohl(v4_address.s_addr));
  }
  IpAddress result;
  if (inet_pton(AF_INET6, terminated.c_str(), result.bytes.data()) == 1) return result;
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin());
}

std::uint32_t IpAddress::as_v4() const {
  std::uint32_t address = 0;
  for (size_t i = 12; i < 16; ++i)
    address = (address << 8) | bytes[i];
  return address;
}

std::string IpAddress::to_text() const {
  std::array<char, INET6_ADDRSTRLEN> printed{};
  if (is_v4()) {
    inet_ntop(AF_INET, &bytes[12], printed.data(), printed.size());
  } else {
    inet_ntop(AF_INET6, bytes.data(), printed.data(), printed.size());
  }
  return printed.data();
}

}  // namespace rocket
