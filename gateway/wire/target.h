#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/http_message.h"

namespace rocket {

// A request target, decided on. Routing, authentication and forwarding all look at this path
// and never at the bytes received, so they can not disagree.
struct Target {
  std::string path;   // "/v1/models": no escapes, no empty and no dot segments; or "*"
  std::string query;  // as received, without the question mark
};

// Reads the target of a request line. `path` has one form for one meaning: escapes of characters
// that may stand in a path are decoded, and whatever could be read in two ways is bad_request
// and named, not normalised: our paths are an exact list and none of them needs it. An absolute
// URL loses scheme and authority (RFC 9112, 3.2.2); "*" is for OPTIONS.
[[nodiscard]] Result<Target> parse_target(std::string_view target, Method method = Method::get);

// What follows scheme and authority in an absolute URL: empty, or from the first of "/?#" on. Any
// other target is given back as it is.
[[nodiscard]] Result<std::string_view> origin_form(std::string_view target);

// A name that stands in a path as one segment, decoded: "org%2Fmodel" is "org/model". For keys
// to look up, never for a path to route or forward by. nullopt if an escape is broken or stands
// for a control character.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view segment);

// What a query says of `name`, decoded as far as it can be. nullopt if it is not there.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

// Whether `host` is what Host may hold: a name, an IPv4 address or an IPv6 address in brackets,
// and perhaps a port (RFC 3986, 3.2.2). Not empty, no user name.
[[nodiscard]] bool host_ok(std::string_view host);

}  // namespace rocket
