#include "policy/address_guard.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace rocket {
namespace {

constexpr unsigned v4_bits = 96;  // how many of ::ffff:0:0/96 stand before an IPv4 address

struct NamedRange {
  std::string_view text;
  std::string_view name;
};

constexpr std::array<NamedRange, 39> special{{
    // IPv4.
    {"0.0.0.0/8", "this network"},
    {"10.0.0.0/8", "private"},
    {"100.64.0.0/10", "carrier-grade NAT"},  // also Alibaba's metadata, 100.100.100.200
    {"127.0.0.0/8", "loopback"},
    {"168.63.129.16/32", "Azure's platform"},
    {"169.254.0.0/16", "link-local"},  // the metadata of clouds
    {"172.16.0.0/12", "private"},
    {"192.0.0.0/24", "protocol assignments"},
    {"192.0.2.0/24", "documentation"},
    {"192.31.196.0/24", "AS112"},
    {"192.52.193.0/24", "AMT"},
    {"192.88.99.0/24", "6to4 relays"},
    {"192.168.0.0/16", "private"},
    {"192.175.48.0/24", "AS112"},
    {"198.18.0.0/15", "benchmarks"},
    {"198.51.100.0/24", "documentation"},
    {"203.0.113.0/24", "documentation"},
    {"224.0.0.0/4", "multicast"},
    {"255.255.255.255/32", "broadcast"},
    {"240.0.0.0/4", "reserved"},
    // IPv6; ::/8 also has the addresses that used to stand for those of IPv4 (::a.b.c.d).
    {"::/128", "unspecified"},
    {"::1/128", "loopback"},
    {"64:ff9b::/96", {}},  // NAT64: what it carries decides
    {"64:ff9b:1::/48", "local NAT64"},
    {"::/8", "reserved"},
    {"100::/64", "discard"},
    {"100:0:0:1::/64", "dummy"},
    {"2001:db8::/32", "documentation"},
    {"2001::/23", "protocol assignments"},  // Teredo, ORCHID, benchmarks among them
    {"2002::/16", {}},                      // 6to4: what it carries decides
    {"2620:4f:8000::/48", "AS112"},
    {"3ffe::/16", "6bone"},
    {"3fff::/20", "documentation"},
    {"5f00::/16", "segment routing"},
    {"fc00::/7", "unique local"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local"},
    {"ff00::/8", "multicast"},
    // IANA has given out nothing else yet.
    {"2000::/3", {}},
}};

struct SpecialRange {
  AddressRange range;
  std::string_view name;
};

const std::vector<SpecialRange>& special_ranges() {
  static const std::vector<SpecialRange> ranges = [] {
    std::vector<SpecialRange> read;
    for (const NamedRange& one : special)
      read.push_back({*address_range(one.text), one.name});
    return read;
  }();
  return ranges;
}

std::uint32_t v4_at(const IpAddress& address, size_t begin) {
  std::uint32_t result = 0;
  for (size_t i = begin; i < begin + 4; ++i)
    result = result << 8 | address.bytes[i];
  return result;
}

// The IPv4 address that packets to this one are for in the end.
std::optional<IpAddress> carried(const IpAddress& address) {
  const auto& bytes = address.bytes;
  const auto begins = [&](std::initializer_list<std::uint8_t> with, size_t at = 0) {
    return std::equal(with.begin(), with.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  };
  if (begins({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return IpAddress::v4(v4_at(address, 12));
  }
  if (begins({0x20, 0x02})) return IpAddress::v4(v4_at(address, 2));
  // ISATAP (RFC 5214), whatever the prefix.
  if (begins({0x00, 0x00, 0x5e, 0xfe}, 8) || begins({0x02, 0x00, 0x5e, 0xfe}, 8)) {
    return IpAddress::v4(v4_at(address, 12));
  }
  return std::nullopt;
}

}  // namespace

bool AddressRange::contains(const IpAddress& address) const {
  const size_t whole = bits / 8;
  if (!std::equal(first.bytes.begin(), first.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes.begin())) {
    return false;
  }
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  return (first.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0;
}

std::optional<AddressRange> address_range(std::string_view text) {
  const size_t slash = text.find('/');
  const auto first = IpAddress::from_text(text.substr(0, slash));
  if (!first) return std::nullopt;
  AddressRange range{*first, 128};
  if (slash == std::string_view::npos) return range;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), bits);
  const bool canonical = digits.size() == 1 || !digits.starts_with('0');
  // Written as IPv4, or as the same in the clothes of IPv6.
  const bool v4 = first->is_v4() && !text.contains(':');
  if (error != std::errc() || end != digits.end() || !canonical || bits > (v4 ? 32 : 128)) {
    return std::nullopt;
  }
  range.bits = v4 ? v4_bits + bits : bits;
  // A range that begins elsewhere than it says is a slip.
  for (unsigned bit = range.bits; bit < 128; ++bit) {
    if ((first->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  }
  return range;
}

std::string_view special_purpose(const IpAddress& address) {
  if (const auto inner = carried(address)) {
    const std::string_view name = special_purpose(*inner);
    if (!name.empty()) return name;
  }
  for (const auto& [range, name] : special_ranges()) {
    if (range.contains(address)) {
      // Only those of IPv4 are in ::ffff:0:0/96, which is in ::/8.
      if (address.is_v4() && range.bits < v4_bits) continue;
      return name;
    }
  }
  return address.is_v4() ? std::string_view() : "reserved";
}

bool is_local_host(std::string_view host) {
  if (const auto address = IpAddress::from_text(host)) return !special_purpose(*address).empty();
  if (!host.contains('.')) return true;
  // RFC 6761, 6762, 8375 and ICANN's `internal`; the rest by custom.
  constexpr std::array<std::string_view, 9> suffixes{
      ".localhost", ".local", ".internal", ".home.arpa",   ".lan",
      ".home",      ".corp",  ".svc",      ".localdomain",
  };
  return std::ranges::any_of(suffixes,
                             [&](std::string_view suffix) { return host.ends_with(suffix); });
}

AddressGuard::AddressGuard(const std::vector<std::string>& allow) {
  for (const std::string& one : allow) {
    if (const auto range = address_range(one)) {
      ranges_.push_back(*range);
    } else {
      hosts_.push_back(one);
    }
  }
}

bool AddressGuard::lets(std::string_view host, const IpAddress& address) const {
  if (special_purpose(address).empty()) return true;
  return std::ranges::find(hosts_, host) != hosts_.end() ||
         std::ranges::any_of(ranges_,
                             [&](const AddressRange& range) { return range.contains(address); });
}

}  // namespace rocket
