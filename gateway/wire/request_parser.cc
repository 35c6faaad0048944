#include "wire/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "wire/target.h"

namespace rocket {

namespace {

// Longer than any that there is, and the space behind it.
constexpr std::size_t method_bytes_max = 32;

// What is decided before the body has been read can not be said behind it: where the request goes,
// who sends it, how it is framed and what its body is (RFC 9110, 6.5.1). Another reader may listen.
constexpr std::array<std::string_view, 18> only_in_heads{"host",
                                                         "authorization",
                                                         "proxy-authorization",
                                                         "x-api-key",
                                                         "cookie",
                                                         "content-encoding",
                                                         "content-type",
                                                         "content-range",
                                                         "connection",
                                                         "keep-alive",
                                                         "te",
                                                         "trailer",
                                                         "upgrade",
                                                         "expect",
                                                         "max-forwards",
                                                         "range",
                                                         "cache-control",
                                                         "content-length"};

Method method_of(std::uint8_t method) {
  switch (method) {
    case HTTP_GET: return Method::get;
    case HTTP_HEAD: return Method::head;
    case HTTP_POST: return Method::post;
    case HTTP_PUT: return Method::put;
    case HTTP_DELETE: return Method::del;
    case HTTP_PATCH: return Method::patch;
    case HTTP_OPTIONS: return Method::options;
    default: return Method::other;
  }
}

// RFC 9110, 5.6.2.
bool is_token_byte(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || marks.contains(c);
}

}  // namespace

RequestParser::RequestParser(HttpLimits limits)
    : HttpParser(HTTP_REQUEST, settings(), limits, ErrorCode::head_too_large) {
  reset();
}

void RequestParser::reset() {
  restart(target_budget());
  head_ = {};
  unknown_method_ = false;
  target_complete_ = false;
  protocol_begun_ = false;
  spaces_ = false;
}

const llhttp_settings_t& RequestParser::settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t with_line = common_settings();
    with_line.on_method = on_method;
    with_line.on_method_complete = on_method_complete;
    with_line.on_url = on_url;
    with_line.on_url_complete = on_url_complete;
    with_line.on_protocol = on_version;
    return with_line;
  }();
  return settings;
}

RequestParser& RequestParser::parser_of(llhttp_t* llhttp) {
  return static_cast<RequestParser&>(*static_cast<HttpParser*>(llhttp->data));
}

int RequestParser::on_method(llhttp_t* llhttp, const char* at, std::size_t size) {
  RequestParser& self = parser_of(llhttp);
  if (self.unknown_method_) return 0;
  self.head_.method_name.append(at, size);
  self.word_end_ = self.position(at) + size;
  return 0;
}

// RTSP's methods are none of HTTP's, though llhttp knows them.
int RequestParser::on_method_complete(llhttp_t* llhttp) {
  if (llhttp->method < HTTP_DESCRIBE || llhttp->method > HTTP_FLUSH) return 0;
  parser_of(llhttp).unknown_method_ = true;
  llhttp->method = HTTP_POST;
  return 0;
}

// The name may have begun in a piece before, and with one that llhttp knows. It is told of a method
// without any rules of its own then, and reads on behind the name: this one is refused like all
// that a path does not take, with a word on which it does.
std::size_t RequestParser::name_method(std::string_view data, std::size_t from) {
  constexpr std::string_view stand_in = "POST";
  std::string& name = head_.method_name;
  const std::size_t begin =
      name.empty() ? std::min(data.find_first_not_of("\r\n"), from) : offset_of(word_end_);
  name.append(data.substr(begin, from - begin));
  std::size_t end = from;
  while (end < data.size() && is_token_byte(data[end]) && name.size() <= method_bytes_max)
    name += data[end++];
  word_end_ = position(data.data() + end);
  if (end == data.size()) return end;
  if (name.empty() || name.size() > method_bytes_max || data[end] != ' ') {
    error_ = malformed(HPE_INVALID_METHOD, {});
    return end;
  }
  naming_ = false;
  unknown_method_ = true;
  llhttp_reset(&llhttp_);
  const llhttp_errno_t read = llhttp_execute(&llhttp_, stand_in.data(), stand_in.size());
  ROCKET_ASSERT(read == HPE_OK);
  return end;
}

int RequestParser::on_url(llhttp_t* llhttp, const char* at, std::size_t size) {
  RequestParser& self = parser_of(llhttp);
  if (self.head_.target.empty()) self.note_distance(at);
  self.head_.target.append(at, size);
  self.word_end_ = self.position(at) + size;
  return 0;
}

int RequestParser::on_version(llhttp_t* llhttp, const char* at, std::size_t size) {
  RequestParser& self = parser_of(llhttp);
  if (!std::exchange(self.protocol_begun_, true)) self.note_distance(at);
  return on_protocol(llhttp, at, size);
}

// One byte of space is behind each word of the line. llhttp skips more; another reader may take one
// for the end of an empty target. It tells of a word when that ends or its piece does, so this is
// held against the line at its head's end, wherever it was split.
void RequestParser::note_distance(const char* at) {
  spaces_ |= position(at) != word_end_ + 1;
}

int RequestParser::on_url_complete(llhttp_t* llhttp) {
  RequestParser& self = parser_of(llhttp);
  if (self.head_.target.size() > self.limits_.target_bytes) return self.refuse(self.over_budget());
  self.target_complete_ = true;
  self.budget_ += static_cast<std::int64_t>(self.limits_.header_bytes - self.target_budget());
  return 0;
}

// Until the target is whole, the input is held to what a legal request line can need.
std::size_t RequestParser::target_budget() const {
  return std::min(limits_.header_bytes, limits_.target_bytes + method_bytes_max);
}

Error RequestParser::over_budget() const {
  if (!begun_ || target_complete_ || target_budget() == limits_.header_bytes) {
    return HttpParser::over_budget();
  }
  return {ErrorCode::target_too_long,
          fmt::format("the request target is longer than {} bytes", limits_.target_bytes)};
}

Error RequestParser::malformed(llhttp_errno_t code, std::string_view reason) const {
  // llhttp says INVALID_VERSION of what stands behind a good version, too.
  const bool version_ok = llhttp_.http_major == 1 && llhttp_.http_minor <= 1;
  if (code == HPE_PAUSED_H2_UPGRADE || (code == HPE_INVALID_VERSION && !version_ok)) {
    return {ErrorCode::unsupported_version, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  }
  if (code == HPE_INVALID_METHOD) {
    return {ErrorCode::bad_request, "malformed HTTP: it does not begin with a method"};
  }
  return {ErrorCode::bad_request, fmt::format("malformed HTTP: {}", reason)};
}

Result<void> RequestParser::judge_trailer(std::string_view name) const {
  const bool early = std::ranges::any_of(
      only_in_heads, [&](std::string_view one) { return equals_ignoring_case(name, one); });
  if (!early) return {};
  return fail(ErrorCode::bad_request, fmt::format("{} may not be a trailer", name));
}

Result<HttpParser::State> RequestParser::finish_head() {
  if (llhttp_.http_major != 1 || llhttp_.http_minor > 1) {
    return std::unexpected(malformed(HPE_INVALID_VERSION, {}));
  }
  if (spaces_) {
    return fail(ErrorCode::bad_request, "malformed HTTP: more than one space in the request line");
  }
  head_.method = unknown_method_ ? Method::other : method_of(llhttp_.method);
  head_.minor_version = llhttp_.http_minor;
  head_.headers = std::exchange(headers_, {});
  head_.chunked = (llhttp_.flags & F_CHUNKED) != 0;
  if ((llhttp_.flags & F_CONTENT_LENGTH) != 0) head_.content_length = llhttp_.content_length;
  // "keep-alive, close" is a close.
  head_.keep_alive =
      llhttp_should_keep_alive(&llhttp_) != 0 && (llhttp_.flags & F_CONNECTION_CLOSE) == 0;
  if (auto judged = judge_headers(); !judged) return std::unexpected(std::move(judged.error()));
  return head_.chunked || head_.content_length.value_or(0) > 0 ? State::body : State::complete;
}

Result<void> RequestParser::judge_headers() {
  int hosts = 0;
  int transfer_encodings = 0;
  for (const auto [name, value] : head_.headers) {
    if (equals_ignoring_case(name, "host")) {
      if (++hosts > 1) return fail(ErrorCode::bad_request, "more than one Host");
      if (!host_ok(value)) return fail(ErrorCode::bad_request, "Host is not a host");
    } else if (equals_ignoring_case(name, "expect")) {
      if (!equals_ignoring_case(value, "100-continue")) {
        return fail(ErrorCode::expectation_failed, "Expect may only be 100-continue");
      }
      // HTTP/1.0 knows no 100, and a client of that version must not be sent one.
      head_.expect_continue = head_.minor_version == 1;
    } else if (equals_ignoring_case(name, "content-encoding")) {
      if (!equals_ignoring_case(value, "identity")) {
        return fail(ErrorCode::unsupported_encoding,
                    "the body must not be compressed: drop Content-Encoding");
      }
    } else if (equals_ignoring_case(name, "transfer-encoding")) {
      if (++transfer_encodings > 1) {
        return fail(ErrorCode::bad_request, "more than one Transfer-Encoding");
      }
      if (auto judged = judge_transfer_encoding(value); !judged) return judged;
    }
  }
  if (hosts == 0 && head_.minor_version == 1) return fail(ErrorCode::bad_request, "no Host");
  return {};
}

Result<void> RequestParser::judge_transfer_encoding(std::string_view value) const {
  if (head_.minor_version == 0) {
    return fail(ErrorCode::bad_request, "Transfer-Encoding in HTTP/1.0");
  }
  // Without a final "chunked" nobody can tell where the body ends (RFC 9112, 6.3).
  if (!head_.chunked) {
    return fail(ErrorCode::bad_request, "Transfer-Encoding does not end in chunked");
  }
  if (!equals_ignoring_case(value, "chunked")) {
    return fail(ErrorCode::unsupported_encoding, "Transfer-Encoding may only be chunked");
  }
  return {};
}

}  // namespace rocket
