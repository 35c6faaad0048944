#include "wire/response_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rocket {

namespace {

constexpr int interim_heads_max = 10;

std::unexpected<Error> garbage(std::string detail) {
  return fail(ErrorCode::upstream_garbage, std::move(detail));
}

}  // namespace

ResponseParser::ResponseParser(HttpLimits limits)
    : HttpParser(HTTP_RESPONSE, settings(), limits, ErrorCode::upstream_too_large) {
  reset();
}

void ResponseParser::reset() {
  // All heads of one answer share this, so interim ones can not make it endless.
  restart(limits_.header_bytes);
  head_ = {};
  head_request_ = false;
  ends_with_connection_ = false;
  interim_heads_ = 0;
}

const llhttp_settings_t& ResponseParser::settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t with_status = common_settings();
    with_status.on_status = on_status;
    return with_status;
  }();
  return settings;
}

// The reason phrase is dropped, but llhttp lets any byte stand in it, and who sends NUL there
// does not speak HTTP.
int ResponseParser::on_status(llhttp_t* llhttp, const char* at, std::size_t size) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
  if (std::none_of(at, at + size, control)) return 0;
  auto& self = static_cast<ResponseParser&>(*static_cast<HttpParser*>(llhttp->data));
  return self.refuse({ErrorCode::upstream_garbage, "a control character in the reason phrase"});
}

Result<void> ResponseParser::feed_end() {
  body_.clear();
  if (error_) return std::unexpected(*error_);
  if (state_ == State::body && ends_with_connection_) state_ = State::complete;
  if (state_ == State::complete) return {};
  if (idle()) return fail(ErrorCode::upstream_closed, "closed before it answered");
  return fail(ErrorCode::upstream_closed,
              state_ == State::head ? "closed inside the head" : "closed inside the body");
}

Error ResponseParser::malformed(llhttp_errno_t /*code*/, std::string_view reason) const {
  return {ErrorCode::upstream_garbage, fmt::format("malformed HTTP: {}", reason)};
}

Result<HttpParser::State> ResponseParser::finish_head() {
  if (auto judged = judge_start_line(); !judged) return std::unexpected(std::move(judged.error()));
  const int status = llhttp_.status_code;
  if (status < 200) {
    if (++interim_heads_ > interim_heads_max) {
      return garbage(fmt::format("more than {} interim answers", interim_heads_max));
    }
    headers_.clear();
    return State::head;
  }
  if (auto judged = judge_transfer_encoding(); !judged) {
    return std::unexpected(std::move(judged.error()));
  }

  const bool bodiless = head_request_ || status == 204 || status == 304;
  // So that llhttp does not think the connection is needed to end a body.
  if (bodiless) llhttp_.flags |= F_SKIPBODY;
  head_.status = status;
  head_.minor_version = llhttp_.http_minor;
  head_.headers = std::exchange(headers_, {});
  head_.chunked = (llhttp_.flags & F_CHUNKED) != 0;
  if ((llhttp_.flags & F_CONTENT_LENGTH) != 0) head_.content_length = llhttp_.content_length;
  // "keep-alive, close" is a close.
  head_.keep_alive =
      llhttp_should_keep_alive(&llhttp_) != 0 && (llhttp_.flags & F_CONNECTION_CLOSE) == 0;
  if (bodiless || (!head_.chunked && head_.content_length == 0)) return State::complete;
  ends_with_connection_ = !head_.chunked && !head_.content_length;
  return State::body;
}

Result<void> ResponseParser::judge_start_line() const {
  if (llhttp_.http_major != 1 || llhttp_.http_minor > 1) {
    return garbage("neither HTTP/1.1 nor HTTP/1.0");
  }
  const int status = llhttp_.status_code;
  if (status < 100 || status > 599) return garbage(fmt::format("status {}", status));
  if (status == 101) return garbage("an upgrade that nobody asked for");
  return {};
}

// llhttp takes another coding than chunked for a body that ends with the connection, and one
// before chunked for nothing at all: both would pass on what the client can not read.
Result<void> ResponseParser::judge_transfer_encoding() const {
  const auto coding = headers_.find("transfer-encoding");
  if (!coding) return {};
  if (llhttp_.http_minor == 0) return garbage("Transfer-Encoding in HTTP/1.0");
  if (headers_.count("transfer-encoding") > 1) return garbage("more than one Transfer-Encoding");
  if (!equals_ignoring_case(*coding, "chunked")) return garbage("Transfer-Encoding is not chunked");
  return {};
}

}  // namespace rocket
