#include "proxy/error_response.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/json.h"

namespace rocket {
namespace {

constexpr std::string_view invalid_request = "invalid_request_error";
constexpr std::string_view server_error = "server_error";
constexpr std::string_view upstream_error = "upstream_error";
constexpr std::string_view timeout_error = "timeout_error";
constexpr std::string_view rate_limit_error = "rate_limit_error";

// clang-format off
constexpr std::array table{
    ErrorMeaning{ErrorCode::bad_request, 400, invalid_request, Blame::client, "the request is malformed"},
    ErrorMeaning{ErrorCode::invalid_json, 400, invalid_request, Blame::client, "the body is not valid JSON"},
    ErrorMeaning{ErrorCode::invalid_field, 400, invalid_request, Blame::client, "a field is missing or wrong"},
    ErrorMeaning{ErrorCode::unknown_backend, 400, invalid_request, Blame::client, "unknown backend"},
    ErrorMeaning{ErrorCode::no_model, 400, invalid_request, Blame::client, "the request names no model"},
    ErrorMeaning{ErrorCode::model_not_found, 404, invalid_request, Blame::client, "no backend has the model"},
    ErrorMeaning{ErrorCode::capability_missing, 400, invalid_request, Blame::client, "the model can not do what the request needs"},
    ErrorMeaning{ErrorCode::context_length_exceeded, 400, invalid_request, Blame::client, "the prompt is longer than the model's context"},
    ErrorMeaning{ErrorCode::media_url_refused, 400, invalid_request, Blame::client, "send the file as a data: URL"},
    ErrorMeaning{ErrorCode::media_url_failed, 400, invalid_request, Blame::client, "what a URL of the request leads to could not be fetched"},
    ErrorMeaning{ErrorCode::path_not_found, 404, invalid_request, Blame::client, "unknown path"},
    ErrorMeaning{ErrorCode::path_forbidden, 403, invalid_request, Blame::client, "this path is not served"},
    ErrorMeaning{ErrorCode::method_not_allowed, 405, invalid_request, Blame::client, "the path does not take this method"},
    ErrorMeaning{ErrorCode::invalid_api_key, 401, invalid_request, Blame::client, "no valid API key"},
    ErrorMeaning{ErrorCode::forbidden, 403, "permission_error", Blame::client, "the API key may not do this"},
    ErrorMeaning{ErrorCode::rate_limit_exceeded, 429, rate_limit_error, Blame::client, "a limit of the API key is reached"},
    ErrorMeaning{ErrorCode::head_timeout, 408, timeout_error, Blame::client, "the request's head did not arrive in time"},
    ErrorMeaning{ErrorCode::body_timeout, 408, timeout_error, Blame::client, "the request's body did not arrive in time"},
    ErrorMeaning{ErrorCode::body_too_large, 413, invalid_request, Blame::client, "the body is too large"},
    ErrorMeaning{ErrorCode::target_too_long, 414, invalid_request, Blame::client, "the request target is too long"},
    ErrorMeaning{ErrorCode::head_too_large, 431, invalid_request, Blame::client, "the header lines are too many or too long"},
    ErrorMeaning{ErrorCode::unsupported_encoding, 415, invalid_request, Blame::client, "send the body unencoded"},
    ErrorMeaning{ErrorCode::unsupported_version, 505, invalid_request, Blame::client, "speak HTTP/1.1"},
    ErrorMeaning{ErrorCode::expectation_failed, 417, invalid_request, Blame::client, "the only expectation met is 100-continue"},
    ErrorMeaning{ErrorCode::client_gone, 499, invalid_request, Blame::client, "the client hung up"},
    ErrorMeaning{ErrorCode::response_not_found, 404, invalid_request, Blame::client, "no such response is kept"},
    ErrorMeaning{ErrorCode::previous_response_not_found, 400, invalid_request, Blame::client, "the response to continue is not kept"},
    ErrorMeaning{ErrorCode::file_not_found, 404, invalid_request, Blame::client, "no such file"},
    ErrorMeaning{ErrorCode::batch_not_found, 404, invalid_request, Blame::client, "no such batch"},
    ErrorMeaning{ErrorCode::overloaded, 503, server_error, Blame::gateway, "too much at once; try again soon"},
    ErrorMeaning{ErrorCode::no_place, 503, server_error, Blame::gateway, "no place came free within timeouts.queue; try again after the time in retry-after"},
    ErrorMeaning{ErrorCode::draining, 503, server_error, Blame::gateway, "shutting down; try again soon"},
    ErrorMeaning{ErrorCode::store_unavailable, 503, server_error, Blame::gateway, "what keeps files and batches can not be reached now; try again soon"},
    ErrorMeaning{ErrorCode::store_full, 507, server_error, Blame::gateway, "there is no room for more files and batches; delete some"},
    ErrorMeaning{ErrorCode::store_off, 501, invalid_request, Blame::client, "this gateway keeps nothing: files and batches are switched off (store.on)"},
    ErrorMeaning{ErrorCode::internal, 500, server_error, Blame::gateway, "a fault inside the gateway"},
    ErrorMeaning{ErrorCode::no_backend, 503, upstream_error, Blame::upstream, "no backend that could answer is up; try again soon"},
    ErrorMeaning{ErrorCode::connect_refused, 503, upstream_error, Blame::upstream, "the backend refuses connections"},
    ErrorMeaning{ErrorCode::connect_timeout, 504, timeout_error, Blame::upstream, "connecting to the backend took longer than timeouts.connect"},
    ErrorMeaning{ErrorCode::connect_failed, 503, upstream_error, Blame::upstream, "the backend can not be reached"},
    ErrorMeaning{ErrorCode::upstream_closed, 502, upstream_error, Blame::upstream, "the backend closed the connection before its answer was whole"},
    ErrorMeaning{ErrorCode::upstream_garbage, 502, upstream_error, Blame::upstream, "the backend's answer is malformed"},
    ErrorMeaning{ErrorCode::upstream_too_large, 502, upstream_error, Blame::upstream, "the backend's answer is too large"},
    ErrorMeaning{ErrorCode::upstream_status, 502, upstream_error, Blame::upstream, "the backend failed"},
    ErrorMeaning{ErrorCode::upstream_unauthorized, 502, upstream_error, Blame::upstream, "the backend refused the gateway's credentials"},
    ErrorMeaning{ErrorCode::upstream_unavailable, 503, upstream_error, Blame::upstream, "the backend can not answer now"},
    ErrorMeaning{ErrorCode::upstream_overloaded, 503, upstream_error, Blame::upstream, "the backend's provider is overloaded"},
    ErrorMeaning{ErrorCode::upstream_loading, 503, upstream_error, Blame::upstream, "the backend is still loading its model; try again soon"},
    ErrorMeaning{ErrorCode::upstream_limited, 429, rate_limit_error, Blame::upstream, "the backend's rate limit is reached"},
    ErrorMeaning{ErrorCode::upstream_error_event, 502, upstream_error, Blame::upstream, "the backend reported an error in its stream"},
    ErrorMeaning{ErrorCode::load_timeout, 504, timeout_error, Blame::upstream, "loading the model took longer than timeouts.load"},
    ErrorMeaning{ErrorCode::first_token_timeout, 504, timeout_error, Blame::upstream, "the first token took longer than timeouts.first_token"},
    ErrorMeaning{ErrorCode::idle_timeout, 504, timeout_error, Blame::upstream, "the stream was silent for longer than timeouts.idle"},
    ErrorMeaning{ErrorCode::total_timeout, 504, timeout_error, Blame::upstream, "the answer took longer than timeouts.total"},
};
// clang-format on

// The field that a message begins with: "`messages[0]` must be an object".
std::string_view field_named(std::string_view message) {
  const size_t end = message.find('`', 1);
  return message.starts_with('`') && end != std::string_view::npos ? message.substr(1, end - 1)
                                                                   : std::string_view();
}

constexpr std::string_view word_separators = " \t\r\n\"'`()[]{}<>,;=\\|";

// The word starts like a directory that a server keeps its code or data in.
bool is_file_path(std::string_view word) {
  constexpr std::array<std::string_view, 16> roots{
      "/home/", "/usr/", "/root/", "/opt/", "/var/", "/tmp/", "/etc/", "/app/", "/mnt/",
      "/workspace/", "/srv/", "/Users/", "/data/", "/proc/",
      // Where the images of llama.cpp and vLLM have theirs.
      "/models/", "/vllm-workspace/"};
  return std::ranges::any_of(roots, [&](std::string_view root) { return word.starts_with(root); });
}

// Four numbers of up to three digits with dots between them, whatever follows.
bool is_ipv4(std::string_view word) {
  for (int group = 0; group < 4; ++group) {
    size_t digits = 0;
    while (digits < word.size() && word[digits] >= '0' && word[digits] <= '9')
      ++digits;
    if (digits == 0 || digits > 3) return false;
    word.remove_prefix(digits);
    if (group == 3) break;
    if (!word.starts_with('.')) return false;
    word.remove_prefix(1);
  }
  return word.empty() || word.front() == '/' || word.front() == '.';
}

// Groups of up to four hexadecimal digits, eight of them or with a gap between (RFC 4291, 2.2),
// whatever zone stands behind.
bool is_ipv6(std::string_view word) {
  word = word.substr(0, word.find('%'));
  if (word.ends_with('.')) word.remove_suffix(1);
  constexpr std::string_view hex = "0123456789abcdefABCDEF";
  size_t colons = 0;
  size_t digits = 0;
  size_t in_group = 0;
  for (const char c : word) {
    if (c == ':') {
      ++colons;
      in_group = 0;
    } else if (hex.contains(c) && ++in_group <= 4) {
      ++digits;
    } else {
      return false;
    }
  }
  return digits != 0 && (colons == 7 || word.contains("::"));
}

bool is_address(std::string_view part) {
  if (part.starts_with("0x") && part.size() >= 10) return true;
  return is_ipv4(part) || part == "localhost";
}

// What must not be shown of a word, as what stands there instead; empty: nothing. A colon may
// stand before an address or a path ("error:/opt/x") as well as behind one.
std::string_view replacement(std::string_view word) {
  if (word.contains("://") || is_ipv6(word)) return "[address]";
  while (true) {
    const size_t colon = std::min(word.find(':'), word.size());
    const std::string_view part = word.substr(0, colon);
    if (is_file_path(part)) return "[path]";
    if (is_address(part)) return "[address]";
    if (colon == word.size()) return {};
    word.remove_prefix(colon + 1);
  }
}

// Calls on_word(word, separator behind it or 0) for each word of the text.
template <class OnWord>
void for_each_word(std::string_view text, OnWord&& on_word) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(word_separators), text.size());
    on_word(text.substr(0, end), end == text.size() ? '\0' : text[end]);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

constexpr bool in_order_of_codes() {
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i].code != static_cast<ErrorCode>(i)) return false;
  }
  return true;
}
static_assert(in_order_of_codes() && table.back().code == ErrorCode::total_timeout,
              "one row per code, in the order of the codes");

}  // namespace

const ErrorMeaning& meaning_of(ErrorCode code) {
  return table[static_cast<size_t>(code)];
}

ToldError told(const Error& error, std::string_view request_id) {
  const ErrorMeaning& meaning = meaning_of(error.code);
  ToldError told{.status = meaning.status,
                 .type = meaning.type,
                 .code = to_string(error.code),
                 .param = {},
                 .message = error.detail.empty() ? meaning.message : error.detail,
                 .request_id = request_id};
  if (error.code == ErrorCode::model_not_found || error.code == ErrorCode::no_model) {
    told.param = "model";
  } else if (error.code == ErrorCode::unknown_backend) {
    told.param = "backend";
  } else if (error.code == ErrorCode::previous_response_not_found) {
    told.param = "previous_response_id";
  } else if (error.code == ErrorCode::invalid_field) {
    told.param = field_named(error.detail);
  }
  return told;
}

Error about_backend(std::string_view backend, const Error& error) {
  const ErrorMeaning& meaning = meaning_of(error.code);
  std::string words = error.detail.empty() ? std::string(meaning.message) : error.detail;
  const bool named = words.starts_with(backend) &&
                     std::string_view(words).substr(backend.size()).find_first_of(" :") == 0;
  if (!named && meaning.blame == Blame::upstream) words = std::string(backend) + ": " + words;
  return {error.code, std::move(words)};
}

bool reveals(std::string_view text, std::string_view secret) {
  bool found = !secret.empty() && text.contains(secret);
  for_each_word(text,
                [&](std::string_view word, char) { found = found || !replacement(word).empty(); });
  return found;
}

std::string scrubbed(std::string_view text, std::string_view secret) {
  constexpr size_t bytes_max = 512;
  std::string line(text.substr(0, text.find_first_of("\r\n")));
  constexpr std::string_view hidden = "[key]";
  for (size_t at = 0; !secret.empty() && (at = line.find(secret, at)) != std::string::npos;) {
    line.replace(at, secret.size(), hidden);
    at += hidden.size();
  }
  std::string clean;
  for_each_word(line, [&](std::string_view word, char separator) {
    const std::string_view shown = replacement(word);
    clean += shown.empty() ? word : shown;
    if (separator != '\0') clean += separator;
  });
  if (clean.size() > bytes_max) {
    // Not in the middle of a character.
    size_t end = bytes_max;
    while (end != 0 && (static_cast<unsigned char>(clean[end]) & 0xc0U) == 0x80U)
      --end;
    clean.resize(end);
  }
  return clean;
}

}  // namespace rocket
