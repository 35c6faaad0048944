#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace rocket {

// Everything that can go wrong, flat. What a code means on the wire (status, error type, blame)
// is decided in one table, proxy/error_response.cc, and nowhere else.
enum class ErrorCode : unsigned char {
  // The client's request.
  bad_request,              // malformed HTTP
  invalid_json,             // the body is not JSON; detail has line and column
  invalid_field,            // a field is missing, of the wrong type or out of range
  unknown_backend,          // `backend` names none of ours
  no_model,                 // no model named and no default to take
  model_not_found,          // no backend knows the model
  capability_missing,       // the model is known not to take tools or images
  context_length_exceeded,  // the prompt can not fit into the model's context
  media_url_refused,        // a file named by its URL, which the setting or the guard does not let
  media_url_failed,         // the file that a URL is to lead to could not be had
  path_not_found,           // no such operation
  path_forbidden,           // a path that is refused on purpose
  method_not_allowed,       // the path exists, the method does not
  invalid_api_key,          // no key, or one we do not know
  forbidden,                // a key that may not do this
  rate_limit_exceeded,      // a limit of the key is reached
  head_timeout,             // the request's head came too slowly
  body_timeout,             // the request's body came too slowly
  body_too_large,           // over limits.body_bytes
  target_too_long,          // over limits.target_bytes
  head_too_large,           // over limits.header_bytes or limits.headers
  unsupported_encoding,     // Content-Encoding or Transfer-Encoding that we do not read
  unsupported_version,      // neither HTTP/1.1 nor HTTP/1.0
  expectation_failed,       // Expect other than 100-continue
  client_gone,              // the client hung up
  // Of what clients come back to.
  response_not_found,           // none of that id is kept for this client
  previous_response_not_found,  // nor is what the request is to continue
  file_not_found,               // none of that id belongs to this client
  batch_not_found,              // nor a batch
  // Ourselves.
  overloaded,         // a limit of ours is reached
  no_place,           // none came free within timeouts.queue
  draining,           // shutting down
  store_unavailable,  // what keeps files and batches is locked, unreachable or not writable
  store_full,         // there is no room for more of them
  store_off,          // files and batches are switched off
  internal,           // a bug
  // The upstream.
  no_backend,             // every candidate is known to be down
  connect_refused,        // nobody listens
  connect_timeout,        // phase: connect
  connect_failed,         // DNS, TLS, unreachable
  upstream_closed,        // closed or reset before the answer was whole
  upstream_garbage,       // an answer that is not HTTP, not JSON or not the promised stream
  upstream_too_large,     // an answer over our limits
  upstream_status,        // answered another 5xx
  upstream_unauthorized,  // answered 401: what we have shown does not open it
  upstream_unavailable,   // answered 503: it is there but can not answer now
  upstream_overloaded,    // answered 529: whoever provides it can answer nobody now
  upstream_loading,       // answered that it is still loading its model
  upstream_limited,       // answered 429
  upstream_error_event,   // an error event inside a stream
  load_timeout,           // phase: load
  first_token_timeout,    // phase: first token
  idle_timeout,           // phase: idle between events
  total_timeout,          // phase: total
};

// The code's name as it stands in logs, metrics and error bodies: "connect_refused".
[[nodiscard]] std::string_view to_string(ErrorCode code);

// What went wrong, in words for the person who has to mend it. `detail` names the thing and the
// remedy; it never holds a secret, a prompt or an upstream's address.
struct Error {
  ErrorCode code;
  std::string detail;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string detail = {}) {
  return std::unexpected(Error{code, std::move(detail)});
}

}  // namespace rocket
