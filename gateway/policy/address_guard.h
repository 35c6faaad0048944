#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"

namespace rocket {

// Addresses whose first `bits` bits are those of `first`.
struct AddressRange {
  IpAddress first{};
  unsigned bits = 128;

  [[nodiscard]] bool contains(const IpAddress& address) const;
};

// "10.0.0.0/8", "2001:db8::/32", or one address. Nothing else may be set behind the prefix.
[[nodiscard]] std::optional<AddressRange> address_range(std::string_view text);

// What an address is for, if it is not one that anybody on the internet can be reached by
// ("loopback", "private"); empty: it is. After the special-purpose registries of IANA (RFC 6890
// and its updates) and what clouds keep for their machines. Of an IPv6 address that only carries
// one of IPv4 to its network (mapped, NAT64, 6to4, ISATAP) that one decides as well.
[[nodiscard]] std::string_view special_purpose(const IpAddress& address);

// Whether a host (a name in lower case, or an address) is one of the local network as far as can
// be told without asking anybody: a special-purpose address, a name without a dot, or one below a
// suffix that is kept for such (localhost, local, internal, lan, home.arpa, ...).
[[nodiscard]] bool is_local_host(std::string_view host);

// Where files may be fetched from that clients name. A public address may be connected to, and
// what `allow` lists: ranges, addresses, and names whose addresses may be any.
class AddressGuard {
 public:
  AddressGuard() = default;
  explicit AddressGuard(const std::vector<std::string>& allow);

  // `host` is what was asked for, `address` what it was found to mean and what will be dialled.
  [[nodiscard]] bool lets(std::string_view host, const IpAddress& address) const;

 private:
  std::vector<AddressRange> ranges_;
  std::vector<std::string> hosts_;
};

// The most redirects that are followed from one address.
inline constexpr unsigned media_redirects_max = 3;

// Well-known services live on the ports below 1024; files come from 80, 443 and those above.
[[nodiscard]] constexpr bool is_media_port(std::uint16_t port) {
  return port == 80 || port == 443 || port >= 1024;
}

}  // namespace rocket
