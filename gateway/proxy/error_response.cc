#include "proxy/error_response.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr std::string_view invalid_request = "invalid_request_error";
constexpr std::string_view server_error = "server_error";
constexpr std::string_view upstream_error = "upstream_error";
constexpr std::string_view timeout_error = "timeout_error";

// clang-format off
constexpr std::array table{
    ErrorMeaning{ErrorCode::bad_request, 400, invalid_request, Blame::client, "the request is malformed"},
    ErrorMeaning{ErrorCode::invalid_json, 400, invalid_request, Blame::client, "the body is not valid JSON"},
    ErrorMeaning{ErrorCode::invalid_field, 400, invalid_request, Blame::client, "a field is missing or wrong"},
    ErrorMeaning{ErrorCode::unknown_backend, 400, invalid_request, Blame::client, "unknown backend"},
    ErrorMeaning{ErrorCode::no_model, 400, invalid_request, Blame::client, "the request names no model"},
    ErrorMeaning{ErrorCode::model_not_found, 404, invalid_request, Blame::client, "no backend has the model"},
    ErrorMeaning{ErrorCode::path_not_found, 404, invalid_request, Blame::client, "unknown path"},
    ErrorMeaning{ErrorCode::path_forbidden, 403, invalid_request, Blame::client, "this path is not served"},
    ErrorMeaning{ErrorCode::method_not_allowed, 405, invalid_request, Blame::client, "the path does not take this method"},
    ErrorMeaning{ErrorCode::unauthenticated, 401, "authentication_error", Blame::client, "no valid API key"},
    ErrorMeaning{ErrorCode::forbidden, 403, "permission_error", Blame::client, "the API key may not do this"},
    ErrorMeaning{ErrorCode::head_timeout, 408, timeout_error, Blame::client, "the request's head did not arrive in time"},
    ErrorMeaning{ErrorCode::body_timeout, 408, timeout_error, Blame::client, "the request's body did not arrive in time"},
    ErrorMeaning{ErrorCode::body_too_large, 413, invalid_request, Blame::client, "the body is too large"},
    ErrorMeaning{ErrorCode::target_too_long, 414, invalid_request, Blame::client, "the request target is too long"},
    ErrorMeaning{ErrorCode::head_too_large, 431, invalid_request, Blame::client, "the header lines are too many or too long"},
    ErrorMeaning{ErrorCode::unsupported_encoding, 415, invalid_request, Blame::client, "send the body unencoded"},
    ErrorMeaning{ErrorCode::unsupported_version, 505, invalid_request, Blame::client, "speak HTTP/1.1"},
    ErrorMeaning{ErrorCode::expectation_failed, 417, invalid_request, Blame::client, "the only expectation met is 100-continue"},
    ErrorMeaning{ErrorCode::client_gone, 499, invalid_request, Blame::client, "the client hung up"},
    ErrorMeaning{ErrorCode::overloaded, 503, server_error, Blame::gateway, "too much at once; try again soon"},
    ErrorMeaning{ErrorCode::draining, 503, server_error, Blame::gateway, "shutting down; try again soon"},
    ErrorMeaning{ErrorCode::internal, 500, server_error, Blame::gateway, "a fault inside the gateway"},
    ErrorMeaning{ErrorCode::no_backend, 503, upstream_error, Blame::upstream, "no backend that could answer is up; try again soon"},
    ErrorMeaning{ErrorCode::connect_refused, 503, upstream_error, Blame::upstream, "the backend refuses connections"},
    ErrorMeaning{ErrorCode::connect_timeout, 504, timeout_error, Blame::upstream, "connecting to the backend took longer than timeouts.connect"},
    ErrorMeaning{ErrorCode::connect_failed, 503, upstream_error, Blame::upstream, "the backend can not be reached"},
    ErrorMeaning{ErrorCode::upstream_closed, 503, upstream_error, Blame::upstream, "the backend closed the connection before its answer was whole"},
    ErrorMeaning{ErrorCode::upstream_garbage, 502, upstream_error, Blame::upstream, "the backend's answer is malformed"},
    ErrorMeaning{ErrorCode::upstream_too_large, 502, upstream_error, Blame::upstream, "the backend's answer is too large"},
    ErrorMeaning{ErrorCode::upstream_status, 502, upstream_error, Blame::upstream, "the backend failed"},
    ErrorMeaning{ErrorCode::upstream_unavailable, 503, upstream_error, Blame::upstream, "the backend can not answer now"},
    ErrorMeaning{ErrorCode::upstream_limited, 429, "rate_limit_error", Blame::upstream, "the backend's rate limit is reached"},
    ErrorMeaning{ErrorCode::upstream_error_event, 502, upstream_error, Blame::upstream, "the backend reported an error in its stream"},
    ErrorMeaning{ErrorCode::load_timeout, 504, timeout_error, Blame::upstream, "loading the model took longer than timeouts.load"},
    ErrorMeaning{ErrorCode::first_token_timeout, 504, timeout_error, Blame::upstream, "the first token took longer than timeouts.first_token"},
    ErrorMeaning{ErrorCode::idle_timeout, 504, timeout_error, Blame::upstream, "the stream was silent for longer than timeouts.idle"},
    ErrorMeaning{ErrorCode::total_timeout, 504, timeout_error, Blame::upstream, "the answer took longer than timeouts.total"},
};
// clang-format on

constexpr std::string_view word_separators = " \t\r\n\"'`()[]{}<>,;=\\";

// The word starts like a directory that a server keeps its code or data in.
bool is_file_path(std::string_view word) {
  constexpr std::array<std::string_view, 10> roots{"/home/",      "/usr/", "/root/", "/opt/",
                                                   "/var/",       "/tmp/", "/etc/",  "/app/",
                                                   "/workspace/", "/mnt/"};
  return std::ranges::any_of(roots, [&](std::string_view root) { return word.starts_with(root); });
}

bool is_address(std::string_view word) {
  if (word.starts_with("http://") || word.starts_with("https://")) return true;
  if (word.starts_with("0x") && word.size() >= 10) return true;
  // Four numbers with dots between them, perhaps a port.
  size_t dots = 0;
  for (const char c : word.substr(0, word.find(':'))) {
    if (c == '.') {
      ++dots;
    } else if (c < '0' || c > '9') {
      return false;
    }
  }
  return dots == 3;
}

}  // namespace

const ErrorMeaning& meaning_of(ErrorCode code) {
  const auto found = std::ranges::find(table, code, &ErrorMeaning::code);
  ROCKET_ASSERT(found != table.end());
  return *found;
}

std::string error_body(const Error& error, std::string_view request_id) {
  const ErrorMeaning& meaning = meaning_of(error.code);
  std::string body = R"({"error":{"message":)";
  json_append_quoted(body, error.detail.empty() ? meaning.message : error.detail);
  body += R"(,"type":")";
  body += meaning.type;
  body += R"(","param":)";
  body += error.code == ErrorCode::model_not_found || error.code == ErrorCode::no_model
              ? "\"model\""
          : error.code == ErrorCode::unknown_backend ? "\"backend\""
                                                     : "null";
  body += R"(,"code":")";
  body += to_string(error.code);
  body += R"(","request_id":)";
  json_append_quoted(body, request_id);
  body += "}}";
  return body;
}

std::string error_event(const Error& error, std::string_view request_id) {
  return "data: " + error_body(error, request_id) + "\n\n";
}

bool reveals_network(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(word_separators), text.size());
    const std::string_view word = text.substr(0, end);
    if (is_file_path(word) || is_address(word)) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

std::string scrubbed(std::string_view text) {
  constexpr size_t bytes_max = 512;
  text = text.substr(0, text.find_first_of("\r\n"));
  std::string clean;
  while (!text.empty() && clean.size() < bytes_max) {
    const size_t end = std::min(text.find_first_of(word_separators), text.size());
    const std::string_view word = text.substr(0, end);
    clean += is_file_path(word) ? "[path]" : is_address(word) ? "[address]" : word;
    text.remove_prefix(end);
    if (text.empty()) break;
    clean += text.front();
    text.remove_prefix(1);
  }
  if (clean.size() > bytes_max) clean.resize(bytes_max);
  return clean;
}

}  // namespace rocket
