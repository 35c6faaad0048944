#include "proxy/passed_headers.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "proxy/error_response.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

// `listed` is in lower case. Servers that make variables of header lines, as CGI and WSGI do, take
// x_api_key for x-api-key.
bool is_called(std::string_view name, std::string_view listed) {
  const auto folded = [](char c) {
    if (c == '_') return '-';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  };
  return name.size() == listed.size() && std::ranges::equal(name, listed, {}, folded);
}

bool starts_like(std::string_view name, std::string_view listed) {
  return is_called(name.substr(0, listed.size()), listed);
}

// Names of header lines, or what names begin with. Most names asked for are none of them, and
// their first letter and length say so.
template <size_t Size>
class Names {
 public:
  explicit constexpr Names(const std::array<std::string_view, Size>& names) : names_(names) {
    for (const std::string_view name : names)
      lengths_[letter(name)] |= bit(name.size());
  }

  [[nodiscard]] bool contain(std::string_view name) const {
    if (name.empty() || (lengths_[letter(name)] & bit(name.size())) == 0) return false;
    return std::ranges::any_of(names_, [&](std::string_view one) { return is_called(name, one); });
  }
  [[nodiscard]] bool begin(std::string_view name) const {
    if (name.empty() || lengths_[letter(name)] == 0) return false;
    return std::ranges::any_of(names_,
                               [&](std::string_view start) { return starts_like(name, start); });
  }

 private:
  static constexpr size_t letter(std::string_view name) {
    return static_cast<unsigned char>(name.front()) & 0x1FU;
  }
  static constexpr std::uint64_t bit(size_t length) { return std::uint64_t{1} << (length & 63U); }

  std::array<std::string_view, Size> names_;
  std::array<std::uint64_t, 32> lengths_{};  // by first letter: a bit for each length
};

constexpr Names<32> kept_from_upstreams({"host",
                                         "connection",
                                         "keep-alive",
                                         "te",
                                         "trailer",
                                         "transfer-encoding",
                                         "upgrade",
                                         "content-length",
                                         "content-type",
                                         "content-encoding",
                                         "expect",
                                         "authorization",
                                         "x-api-key",
                                         "api-key",
                                         "cookie",
                                         "accept-encoding",
                                         "forwarded",
                                         "x-real-ip",
                                         "x-client-ip",
                                         "true-client-ip",
                                         "x-original-url",
                                         "x-rewrite-url",
                                         "x-http-method",
                                         "x-http-method-override",
                                         "x-method-override",
                                         "via",
                                         "x-request-id",
                                         "origin",
                                         "referer",
                                         "priority",
                                         "http2-settings",
                                         "anthropic-version"});
constexpr Names<6> kept_from_upstreams_by_start({"x-forwarded-", "x-rocket-", "proxy-", "sec-",
                                                 "access-control-", "cf-"});

constexpr Names<3> passed_to_clients({"content-language", "retry-after-ms", "x-should-retry"});
constexpr Names<2> passed_to_clients_by_start({"openai-", "anthropic-"});
// Whose account it is that we ask with.
constexpr Names<3> kept_from_clients({"openai-organization", "openai-project",
                                      "anthropic-organization-id"});
constexpr Names<2> limits_by_start({"x-ratelimit-", "anthropic-ratelimit-"});

// Connection may name further header lines that end at this hop (RFC 9110, 7.6.1).
bool nominated(std::string_view name, std::string_view connection) {
  while (!connection.empty()) {
    const size_t comma = std::min(connection.find(','), connection.size());
    std::string_view option = connection.substr(0, comma);
    connection.remove_prefix(std::min(comma + 1, connection.size()));
    while (option.starts_with(' ') || option.starts_with('\t'))
      option.remove_prefix(1);
    while (option.ends_with(' ') || option.ends_with('\t'))
      option.remove_suffix(1);
    if (equals_ignoring_case(option, name)) return true;
  }
  return false;
}

// Nobody names so much. Who does may mean anything, and looking for each name in it would take the
// time of a thousand requests: then nothing passes this hop.
constexpr size_t connection_bytes_max = 512;

// What one Rocket can have lost takes half of it.
constexpr size_t losses_bytes_max = 4096;

// As in x-rocket-translation.
bool says_loss(std::string_view text) {
  return text.starts_with("dropped=") || text.starts_with("emulated=") || text == "more";
}

// Of those between commas.
bool is_listed(std::string_view list, std::string_view one) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == one) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool replaced(std::string_view name, PassedTrace trace) {
  return equals_ignoring_case(name, "traceparent") ||
         (trace == PassedTrace::none && equals_ignoring_case(name, "tracestate"));
}

// `take` gets the number of each that an upstream may see.
template <typename Take>
void each_passed(const HeaderList& headers, PassedRequest passed, Take take) {
  std::string connection;
  for (const HeaderList::Header& header : headers) {
    if (!equals_ignoring_case(header.name, "connection")) continue;
    connection += header.value;
    connection += ',';
  }
  if (connection.size() > connection_bytes_max) return;
  for (size_t i = 0; i < headers.size(); ++i) {
    const std::string_view name = headers[i].name;
    if (kept_from_upstreams.contain(name)) continue;
    if (kept_from_upstreams_by_start.begin(name)) continue;
    if (!connection.empty() && nominated(name, connection)) continue;
    if (passed.trace != PassedTrace::all && replaced(name, passed.trace)) continue;
    if (!passed.betas && is_called(name, "anthropic-beta")) continue;
    take(i);
  }
}

}  // namespace

void append_passed_request_headers(std::string& out, const HeaderList& headers,
                                   PassedRequest passed) {
  each_passed(headers, passed, [&](size_t i) { out += headers.line(i); });
}

void add_passed_request_headers(HeaderList& out, const HeaderList& headers, PassedRequest passed) {
  each_passed(headers, passed, [&](size_t i) { out.add(headers[i].name, headers[i].value); });
}

void add_translation(std::string& ours, const HeaderList& headers) {
  const auto said = headers.find("x-rocket-translation");
  if (!said || !header_value_ok(*said)) return;
  const auto add = [&ours](std::string_view one) {
    if (!says_loss(one) || is_listed(ours, one)) return;
    if (!ours.empty()) ours += ',';
    ours += one;
  };
  std::string_view rest = said->substr(0, losses_bytes_max);
  // Whatever the last one would be called.
  const bool cut = rest.size() < said->size();
  if (cut) rest = rest.substr(0, rest.rfind(',') + 1);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    add(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (cut) add("more");
}

void add_warning(std::string& ours, const HeaderList& headers, std::string_view secret) {
  const auto said = headers.find("x-rocket-warning");
  if (!said || said->empty() || !header_value_ok(*said)) return;
  const std::string theirs = scrubbed(*said, secret);
  if (theirs == ours) return;
  if (!ours.empty()) ours += "; ";
  ours += theirs;
}

void append_passed_answer_headers(std::string& out, const HeaderList& headers,
                                  UpstreamLimits limits) {
  for (size_t i = 0; i < headers.size(); ++i) {
    const std::string_view name = headers[i].name;
    const bool passed = limits_by_start.begin(name) ? limits == UpstreamLimits::passed
                                                    : passed_to_clients.contain(name) ||
                                                          passed_to_clients_by_start.begin(name);
    if (passed && !kept_from_clients.contain(name)) out += headers.line(i);
  }
}

}  // namespace rocket
