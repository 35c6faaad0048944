#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rocket {

// Where a file is: a URL of a client's, or of a redirect, taken apart.
struct MediaLocation {
  bool tls = false;
  std::string host;  // in lower case, or an IP literal without brackets
  std::uint16_t port = 0;
  std::string authority;  // what goes into Host
  std::string target;     // path and query, as they are sent

  [[nodiscard]] bool operator==(const MediaLocation&) const = default;
};

// Strict, so that nobody reads the URL differently from us: http or https, a DNS name or an address
// as parse_endpoint_url takes it (no 127.1, no octal, no zone, no trailing dot; names of other
// alphabets in their ASCII form), a port that files come from, no user name, no backslash, only
// visible ASCII. A fragment is left out. Errors: media_url_refused; the detail never quotes what
// may be secret: user, path and query.
[[nodiscard]] Result<MediaLocation> parse_media_url(std::string_view url);

// Where a redirect from `from` leads (RFC 3986, 5.2). Never from https to http.
[[nodiscard]] Result<MediaLocation> follow_redirect(const MediaLocation& from,
                                                    std::string_view location);

}  // namespace rocket
