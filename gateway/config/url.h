#pragma once

#include <string_view>

#include "base/error.h"
#include "config/config.h"

namespace rocket {

// Where an endpoint is: "http://127.0.0.1:11434", "https://models.example/base". Strict: a DNS
// name, an IPv4 or a bracketed IPv6 address, at most a port and a base path; never a user, query,
// fragment or percent sign, so that nothing reads the URL differently from us. Normalised (host
// in lower case, port filled in, final slashes and "/v1" trimmed), so that equal means the same.
// An error's detail does not quote the text: a password may stand in it.
[[nodiscard]] Result<EndpointUrl> parse_endpoint_url(std::string_view text);

// "127.0.0.1:8000", "[::1]:8000", "localhost:8000" (means 127.0.0.1) or "unix:/path".
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

// Whether it is a DNS name as parse_endpoint_url gives it: in lower case, no address.
[[nodiscard]] bool is_host_name(std::string_view text);

// Whether a normalised host can only be this machine: 127.0.0.0/8, ::1, localhost.
[[nodiscard]] bool loopback_host(std::string_view host);

}  // namespace rocket
