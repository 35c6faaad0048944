#include "wire/target.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace rocket {

namespace {

constexpr std::size_t host_bytes_max = 255;  // of a DNS name

constexpr bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool unreserved(char c) {
  return alphanumeric(c) || std::string_view("-._~").contains(c);
}
constexpr bool host_char(char c) {
  return unreserved(c) || std::string_view("!$&'()*+,;=").contains(c);
}
// Without ';', which some servers cut a path at.
constexpr bool path_char(char c) {
  return (host_char(c) && c != ';') || c == ':' || c == '@';
}
// Brackets are not legal in a query, but common: "include[]=usage".
constexpr bool query_char(char c) {
  return path_char(c) || std::string_view("/?;[]").contains(c);
}

template <bool (*accepts)(char)>
constexpr std::array<bool, 256> table_of() {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = accepts(static_cast<char>(i));
  return table;
}
constexpr std::array<bool, 256> path_table = table_of<path_char>();
constexpr std::array<bool, 256> query_table = table_of<query_char>();

bool in(const std::array<bool, 256>& table, char c) {
  return table[static_cast<unsigned char>(c)];
}

// The character that the escape at `at` stands for; nothing if that is no escape.
std::optional<char> unescape(std::string_view text, std::size_t at) {
  if (text.size() - at < 3) return std::nullopt;
  const char* const first = text.data() + at + 1;
  std::uint8_t value = 0;
  const auto [end, error] = std::from_chars(first, first + 2, value, 16);
  if (error != std::errc{} || end != first + 2) return std::nullopt;
  return static_cast<char>(value);
}

bool control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
bool beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

// What is wrong with a character that no path of ours has.
std::string_view trick_of(char c) {
  switch (c) {
    case '\\': return "a backslash";
    case ';': return "a path parameter (;)";
    case '#': return "a fragment (#)";
    default: break;
  }
  if (control(c)) return "a control character";
  if (beyond_ascii(c)) return "a character beyond ASCII";
  return "a character that must be escaped";
}

std::string_view trick_of_escaped(char c) {
  switch (c) {
    case '/': return "an escaped slash (%2F)";
    case '.': return "an escaped dot (%2E)";
    case '\\': return "an escaped backslash (%5C)";
    case '\0': return "an escaped NUL (%00)";
    case '%': return "an escaped percent sign (%25)";
    default: break;
  }
  if (control(c)) return "an escaped control character";
  if (beyond_ascii(c)) return "an escaped character beyond ASCII";
  return "an escape of a character that no path of ours has";
}

std::unexpected<Error> path_has(std::string_view trick) {
  return fail(ErrorCode::bad_request, fmt::format("the path has {}", trick));
}

Result<std::string> canonical_path(std::string_view received) {
  std::string path;
  path.reserve(received.size());
  for (std::size_t i = 0; i < received.size(); ++i) {
    char c = received[i];
    if (c == '%') {
      const std::optional<char> escaped = unescape(received, i);
      if (!escaped) return path_has("a broken escape");
      c = *escaped;
      if (c == '.' || !in(path_table, c)) return path_has(trick_of_escaped(c));
      i += 2;
    } else if (c == '/') {
      if (path.ends_with('/')) return path_has("an empty segment (//)");
    } else if (!in(path_table, c)) {
      return path_has(trick_of(c));
    }
    path += c;
  }
  const std::string_view whole = path;
  if (whole.contains("/./") || whole.contains("/../") || whole.ends_with("/.") ||
      whole.ends_with("/..")) {
    return path_has("a dot segment (/./ or /../)");
  }
  return path;
}

Result<void> judge_query(std::string_view query) {
  for (std::size_t i = 0; i < query.size(); ++i) {
    if (query[i] == '%') {
      if (!unescape(query, i)) return fail(ErrorCode::bad_request, "the query has a broken escape");
    } else if (!in(query_table, query[i])) {
      return fail(ErrorCode::bad_request, fmt::format("the query has {}", trick_of(query[i])));
    }
  }
  return {};
}

bool ipv6_ok(std::string_view address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.size() >= text.size()) return false;
  std::ranges::copy(address, text.begin());
  in6_addr ignored;
  return !address.contains('\0') && inet_pton(AF_INET6, text.data(), &ignored) == 1;
}

bool port_ok(std::string_view port) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc{} && end == port.data() + port.size();
}

bool name_ok(std::string_view name) {
  if (name.empty() || name.size() > host_bytes_max) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '%') {
      if (!unescape(name, i)) return false;
    } else if (!host_char(name[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<std::string_view> origin_form(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos) return target;
  const std::string_view scheme = target.substr(0, scheme_end);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) {
    return fail(ErrorCode::bad_request, "the target's scheme is neither http nor https");
  }
  const std::string_view rest = target.substr(scheme_end + 3);
  const std::size_t host_end = std::min(rest.find_first_of("/?#"), rest.size());
  if (!host_ok(rest.substr(0, host_end))) {
    return fail(ErrorCode::bad_request, "the target's host is not a host");
  }
  return rest.substr(host_end);
}

Result<Target> parse_target(std::string_view target, Method method) {
  if (target == "*" && method == Method::options) return Target{"*", {}};
  const Result<std::string_view> relative = origin_form(target);
  if (!relative) return std::unexpected(relative.error());
  const bool absolute = relative->size() != target.size();

  const std::size_t path_end = std::min(relative->find('?'), relative->size());
  std::string_view received = relative->substr(0, path_end);
  const std::string_view query = relative->substr(std::min(path_end + 1, relative->size()));
  if (received.empty() && absolute) received = "/";
  if (!received.starts_with('/')) {
    return fail(ErrorCode::bad_request, "the request target must be a path");
  }
  Result<std::string> path = canonical_path(received);
  if (!path) return std::unexpected(std::move(path.error()));
  if (auto judged = judge_query(query); !judged) return std::unexpected(std::move(judged.error()));
  return Target{std::move(*path), std::string(query)};
}

bool host_ok(std::string_view host) {
  std::size_t name_end = host.find(':');
  if (host.starts_with('[')) {
    const std::size_t bracket = host.find(']');
    if (bracket == std::string_view::npos || !ipv6_ok(host.substr(1, bracket - 1))) return false;
    name_end = bracket + 1;
  } else {
    name_end = std::min(name_end, host.size());
    if (!name_ok(host.substr(0, name_end))) return false;
  }
  const std::string_view port = host.substr(name_end);
  return port.empty() || (port.starts_with(':') && port_ok(port.substr(1)));
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(one.find('='), one.size());
    if (one.substr(0, equals) != name) continue;
    const std::string_view value = one.substr(std::min(equals + 1, one.size()));
    return percent_decoded(value).value_or(std::string(value));
  }
  return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view segment) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string decoded;
  for (size_t i = 0; i < segment.size(); ++i) {
    char c = segment[i];
    if (c == '%') {
      if (i + 2 >= segment.size()) return std::nullopt;
      const int high = digit(segment[i + 1]);
      const int low = digit(segment[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    decoded += c;
  }
  return decoded;
}

}  // namespace rocket
