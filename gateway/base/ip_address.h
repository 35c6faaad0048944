#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rocket {

// An IPv4 or IPv6 address as a value. One of IPv4 is held as the IPv6 address that stands for it
// (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that the two are equal, as they are to whoever connects.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  // Four decimal numbers or an IPv6 address, without brackets or zone; nothing else that some
  // resolver takes for an address.
  [[nodiscard]] static std::optional<IpAddress> from_text(std::string_view text);
  [[nodiscard]] static IpAddress v4(std::uint32_t address);

  [[nodiscard]] bool is_v4() const;
  // Of one of IPv4.
  [[nodiscard]] std::uint32_t as_v4() const;
  // As it is dialled: "192.0.2.1", "2001:db8::1".
  [[nodiscard]] std::string to_text() const;

  [[nodiscard]] bool operator==(const IpAddress&) const = default;
};

}  // namespace rocket
