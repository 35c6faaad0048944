#include "config/url.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace rocket {

namespace {

constexpr size_t url_bytes_max = 2048;
constexpr size_t host_bytes_max = 253;
constexpr size_t label_bytes_max = 63;
// sun_path ends in a NUL.
constexpr size_t unix_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::invalid_field, std::move(detail));
}

// The address as the system prints it, so that every spelling of it is equal.
std::optional<std::string> normal_ipv4(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  std::array<char, INET_ADDRSTRLEN> printed{};
  inet_ntop(AF_INET, &address, printed.data(), printed.size());
  return printed.data();
}

// An IPv4 address in IPv6 clothes connects to the IPv4 address, and so is called by that.
std::optional<std::string> normal_ipv6(const std::string& text) {
  in6_addr address{};
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> printed{};
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    inet_ntop(AF_INET, &address.s6_addr[12], printed.data(), printed.size());
  } else {
    inet_ntop(AF_INET6, &address, printed.data(), printed.size());
  }
  return printed.data();
}

bool is_dns_label(std::string_view label) {
  return !label.empty() && label.size() <= label_bytes_max && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, [](char c) {
           return is_alphanumeric(c) || c == '-' || c == '_';
         });
}

bool is_dns_name(std::string_view name) {
  if (name.size() > host_bytes_max) return false;
  for (;;) {
    const size_t dot = name.find('.');
    if (!is_dns_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// What a resolver may take for an IPv4 address: "127.1", "2130706433", "0x7f.1" and the usual form.
bool ends_in_number(std::string_view host) {
  std::string_view last = host.substr(host.rfind('.') + 1);
  const bool hexadecimal = last.starts_with("0x") || last.starts_with("0X");
  if (hexadecimal) last.remove_prefix(2);
  return (hexadecimal || !last.empty()) && std::ranges::all_of(last, [&](char c) {
           return is_digit(c) || (hexadecimal && std::string_view("abcdefABCDEF").contains(c));
         });
}

Result<std::string> read_host(std::string_view text) {
  if (text.empty()) return refuse("has no host");
  if (text.front() == '[') {
    std::optional<std::string> ipv6 = normal_ipv6(std::string(text.substr(1, text.size() - 2)));
    if (!ipv6) return refuse("has no IPv6 address between its brackets");
    return *std::move(ipv6);
  }
  if (ends_in_number(text)) {
    if (std::optional<std::string> ipv4 = normal_ipv4(std::string(text))) return *std::move(ipv4);
    return refuse("has a host that is neither a name nor an IPv4 address of four numbers");
  }
  if (!is_dns_name(text)) return refuse("has a host that is not a DNS name");
  return lower(text);
}

Result<std::uint16_t> read_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
  const bool canonical = text.size() == 1 || !text.starts_with('0');
  if (text.empty() || error != std::errc() || end != text.end() || !canonical || port > 65535) {
    return refuse("has a port that is not a number up to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

struct HostAndPort {
  std::string host;
  std::optional<std::uint16_t> port;
};

Result<HostAndPort> read_authority(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  size_t host_bytes = text.find(':');
  if (bracketed) {
    if (!text.contains(']')) return refuse("has an IPv6 address without its closing bracket");
    host_bytes = text.find(']') + 1;
  } else if (text.find(':') != text.rfind(':')) {
    return refuse("has more than one colon after its host; an IPv6 address needs [brackets]");
  }
  Result<std::string> host = read_host(text.substr(0, host_bytes));
  if (!host) return std::unexpected(host.error());
  if (host_bytes >= text.size()) return HostAndPort{*std::move(host), std::nullopt};
  if (text[host_bytes] != ':') return refuse("has more than a port after its IPv6 address");
  const Result<std::uint16_t> port = read_port(text.substr(host_bytes + 1));
  if (!port) return std::unexpected(port.error());
  return HostAndPort{*std::move(host), *port};
}

Result<std::string> read_base_path(std::string_view text) {
  // A client library's habit; the operation brings its own /v1. Once is not enough: what is left
  // must read back as itself.
  for (;;) {
    while (text.ends_with('/'))
      text.remove_suffix(1);
    if (!text.ends_with("/v1")) break;
    text.remove_suffix(3);
  }
  std::string path(text);
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view segment = text.substr(0, text.find('/'));
    if (segment.empty()) return refuse("has two slashes in a row in its path");
    if (segment == "." || segment == "..") return refuse("has a path with a segment of dots");
    const bool plain = std::ranges::all_of(segment, [](char c) {
      return is_alphanumeric(c) || std::string_view("-._~!$&'()*+,;=:@").contains(c);
    });
    if (!plain) return refuse("has a character in its path that does not belong there");
    text.remove_prefix(segment.size());
  }
  return path;
}

}  // namespace

Result<EndpointUrl> parse_endpoint_url(std::string_view text) {
  if (text.size() > url_bytes_max) return refuse("is longer than 2048 bytes");
  if (!std::ranges::all_of(text, is_visible)) {
    return refuse("holds a space or another character that does not belong in a URL");
  }
  const size_t scheme_bytes = text.find("://");
  const std::string scheme =
      scheme_bytes == std::string_view::npos ? "" : lower(text.substr(0, scheme_bytes));
  if (scheme != "http" && scheme != "https")
    return refuse("begins with neither http:// nor https://");
  text.remove_prefix(scheme_bytes + 3);

  if (text.contains('?')) return refuse("has a query");
  if (text.contains('#')) return refuse("has a fragment");
  if (text.contains('\\')) return refuse("has a backslash");
  if (text.contains('%')) return refuse("has a percent sign");
  const size_t path_begin = std::min(text.find('/'), text.size());
  const std::string_view authority = text.substr(0, path_begin);
  if (authority.contains('@')) return refuse("holds a user name or password");

  Result<HostAndPort> where = read_authority(authority);
  if (!where) return std::unexpected(where.error());
  if (where->port == 0) return refuse("has port 0");
  Result<std::string> base_path = read_base_path(text.substr(path_begin));
  if (!base_path) return std::unexpected(base_path.error());
  const bool tls = scheme == "https";
  const std::uint16_t port = where->port.value_or(tls ? 443 : 80);
  return EndpointUrl{tls, std::move(where->host), port, *std::move(base_path)};
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    if (path.empty()) return refuse("has no path after unix:");
    if (path.size() > unix_path_bytes_max) return refuse("has a path longer than 107 bytes");
    const bool has_control = std::ranges::any_of(
        path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
    if (has_control) return refuse("has a control character in its path");
    return ListenAddress{"", 0, std::string(path)};
  }
  Result<HostAndPort> where = read_authority(text);
  if (!where) return std::unexpected(where.error());
  if (!where->port) return refuse("has no port");
  if (where->host == "localhost") where->host = "127.0.0.1";
  if (!where->host.contains(':') && !normal_ipv4(where->host)) {
    return refuse("has a name where an IP address is needed");
  }
  return ListenAddress{std::move(where->host), *where->port, ""};
}

bool is_host_name(std::string_view text) {
  return is_dns_name(text) && !ends_in_number(text) && lower(text) == text;
}

bool loopback_host(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") && normal_ipv4(std::string(host)).has_value();
}

}  // namespace rocket
