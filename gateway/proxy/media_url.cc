#include "proxy/media_url.h"

#include <algorithm>
#include <vector>

#include "config/url.h"
#include "policy/address_guard.h"

namespace rocket {
namespace {

constexpr size_t url_bytes_max = 8192;

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::media_url_refused, std::move(detail));
}

bool is_visible(char c) {
  return c > ' ' && c < '\x7f' && c != '\\';
}

// Where the scheme's colon is; npos: there is none.
size_t scheme_end(std::string_view url) {
  const size_t end = url.find_first_of(":/?#");
  return end != std::string_view::npos && url[end] == ':' ? end : std::string_view::npos;
}

// RFC 3986, 5.2.4, of an absolute path.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_in_slash = false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    ends_in_slash = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!ends_in_slash) kept.push_back(segment);
  }
  std::string joined;
  for (const std::string_view segment : kept)
    joined.append("/").append(segment);
  if (ends_in_slash || joined.empty()) joined += '/';
  return joined;
}

}  // namespace

Result<MediaLocation> parse_media_url(std::string_view url) {
  if (url.size() > url_bytes_max) return refuse("is longer than 8192 bytes");
  if (!std::ranges::all_of(url, is_visible)) {
    return refuse("holds a space or another character that does not belong in a URL");
  }
  const size_t begin = url.find("://");
  if (begin == std::string_view::npos) return refuse("begins with neither http:// nor https://");
  const size_t rest = std::min(url.find_first_of("/?#", begin + 3), url.size());
  // Everything up to the path, as endpoints have it.
  const auto where = parse_endpoint_url(url.substr(0, rest));
  if (!where) return refuse(where.error().detail);
  if (!is_media_port(where->port)) {
    return refuse("has a port that files are not fetched from; 80, 443 and those from 1024 are");
  }
  std::string target(url.substr(rest, url.find('#', rest) - rest));
  if (!target.starts_with('/')) target.insert(0, "/");
  return MediaLocation{where->tls, where->host, where->port, where->authority(), std::move(target)};
}

Result<MediaLocation> follow_redirect(const MediaLocation& from, std::string_view location) {
  const std::string origin = (from.tls ? "https://" : "http://") + from.authority;
  const std::string_view path = std::string_view(from.target).substr(0, from.target.find('?'));
  std::string url;
  if (scheme_end(location) != std::string_view::npos) {
    url = location;
  } else if (location.starts_with("//")) {
    url = (from.tls ? "https:" : "http:") + std::string(location);
  } else if (location.starts_with('/')) {
    url = origin + std::string(location);
  } else if (location.empty() || location.starts_with('#')) {
    url = origin + from.target;
  } else if (location.starts_with('?')) {
    url = origin + std::string(path) + std::string(location);
  } else {
    const size_t path_end = std::min(location.find_first_of("?#"), location.size());
    const std::string merged = std::string(path.substr(0, path.rfind('/') + 1)) +
                               std::string(location.substr(0, path_end));
    url = origin + without_dots(merged) + std::string(location.substr(path_end));
  }
  auto to = parse_media_url(url);
  if (to && from.tls && !to->tls) return refuse("redirects from https to http");
  return to;
}

}  // namespace rocket
