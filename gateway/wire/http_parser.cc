#include "wire/http_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rocket {

namespace {

// What the size line and the line ends of a chunk may cost, extensions aside.
constexpr std::int64_t chunk_framing_bytes = 24;

// Of a trailer's name: none that is looked for is longer. There may be as much of trailers as of
// the body, which is paid for.
constexpr std::size_t trailer_name_bytes_max = 64;

// What llhttp has against the input; it would have taken RTSP and ICE as well.
std::string_view reason_of(const llhttp_t& llhttp) {
  const std::string_view reason = llhttp_get_error_reason(&llhttp);
  return reason.starts_with("Expected HTTP/,") ? "Expected HTTP/" : reason;
}

HttpParser& parser_of(llhttp_t* llhttp) {
  return *static_cast<HttpParser*>(llhttp->data);
}

}  // namespace

HttpParser::HttpParser(llhttp_type_t type, const llhttp_settings_t& settings, HttpLimits limits,
                       ErrorCode too_large)
    : limits_(limits), too_large_(too_large) {
  llhttp_init(&llhttp_, type, &settings);
}

Result<std::size_t> HttpParser::feed(std::string_view data) {
  body_.clear();
  llhttp_.data = this;  // the object may have moved since the last time
  const State before = state_;
  std::size_t took = 0;
  while (took < data.size() && state_ == before && state_ != State::complete && !error_) {
    // llhttp never sees a byte beyond the budget, so a limit strikes at the same byte however
    // the input is split.
    const std::size_t used = run(data.substr(took, static_cast<std::size_t>(budget_)));
    took += used;
    taken_ += used;
    budget_ -= static_cast<std::int64_t>(used);
    if (budget_ <= 0 && state_ == before && !error_) error_ = over_budget();
  }
  if (error_) return std::unexpected(*error_);
  if (state_ != before) budget_ = static_cast<std::int64_t>(limits_.header_bytes);
  return took;
}

std::size_t HttpParser::run(std::string_view data) {
  piece_ = data.data();
  if (naming_) return name_method(data, 0);
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, data.data(), data.size());
  if (outcome == HPE_OK) return data.size();
  const auto used = static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - data.data());
  if (outcome == HPE_INVALID_METHOD && !error_) {
    naming_ = true;
    return name_method(data, used);
  }
  if (outcome != HPE_PAUSED) {
    if (!error_) error_ = malformed(outcome, reason_of(llhttp_));
  } else if (state_ == State::head) {
    llhttp_reset(&llhttp_);  // an interim head: begin again with the next
  } else {
    llhttp_resume(&llhttp_);
  }
  return used;
}

std::size_t HttpParser::name_method(std::string_view, std::size_t from) {
  error_ = malformed(HPE_INVALID_METHOD, reason_of(llhttp_));
  return from;
}

Error HttpParser::over_budget() const {
  if (state_ == State::head) {
    return {too_large_, fmt::format("the head is larger than {} bytes", limits_.header_bytes)};
  }
  return {too_large_,
          fmt::format("chunk extensions and trailers are larger than {} bytes and than the body",
                      limits_.header_bytes)};
}

int HttpParser::refuse(Error error) {
  error_ = std::move(error);
  return -1;
}

void HttpParser::restart(std::size_t budget) {
  llhttp_reset(&llhttp_);
  state_ = State::head;
  begun_ = false;
  naming_ = false;
  budget_ = static_cast<std::int64_t>(budget);
  headers_ = {};
  error_.reset();
  drop_body();
}

llhttp_settings_t HttpParser::common_settings() {
  llhttp_settings_t settings{};
  settings.on_message_begin = on_message_begin;
  settings.on_protocol = on_protocol;
  settings.on_header_field = on_header_field;
  settings.on_header_field_complete = on_header_field_complete;
  settings.on_header_value = on_header_value;
  settings.on_header_value_complete = on_header_value_complete;
  settings.on_headers_complete = on_headers_complete;
  settings.on_chunk_header = on_chunk_header;
  settings.on_body = on_body;
  settings.on_message_complete = on_message_complete;
  return settings;
}

int HttpParser::on_message_begin(llhttp_t* llhttp) {
  parser_of(llhttp).begun_ = true;
  return 0;
}

int HttpParser::on_protocol(llhttp_t* llhttp, const char* at, std::size_t size) {
  // llhttp also speaks RTSP and ICE. Letter by letter, because the word may come in pieces.
  if (std::string_view(at, size).find_first_not_of("HTP") == std::string_view::npos) return 0;
  HttpParser& self = parser_of(llhttp);
  return self.refuse(self.malformed(HPE_INVALID_CONSTANT, "Expected HTTP/"));
}

// In a body these lines are trailers: their names are judged, their values dropped.
int HttpParser::on_header_field(llhttp_t* llhttp, const char* at, std::size_t size) {
  HttpParser& self = parser_of(llhttp);
  std::string_view piece(at, size);
  if (self.state_ != State::head) {
    const std::size_t kept = std::min(self.headers_.unfinished_bytes(), trailer_name_bytes_max);
    piece = piece.substr(0, trailer_name_bytes_max - kept);
  }
  self.headers_.append_name(piece);
  return 0;
}

int HttpParser::on_header_field_complete(llhttp_t* llhttp) {
  HttpParser& self = parser_of(llhttp);
  if (self.headers_.size() == self.limits_.headers) {
    const std::string_view where = self.state_ == State::head ? "head has" : "trailers are";
    return self.refuse(
        {self.too_large_, fmt::format("the {} more than {} lines", where, self.limits_.headers)});
  }
  self.headers_.end_name();
  if (self.state_ == State::head) return 0;
  auto judged = self.judge_trailer(self.headers_[self.headers_.size() - 1].name);
  return judged ? 0 : self.refuse(std::move(judged.error()));
}

int HttpParser::on_header_value(llhttp_t* llhttp, const char* at, std::size_t size) {
  HttpParser& self = parser_of(llhttp);
  if (self.state_ == State::head) self.headers_.append_value({at, size});
  return 0;
}

int HttpParser::on_header_value_complete(llhttp_t* llhttp) {
  parser_of(llhttp).headers_.end_value();
  return 0;
}

int HttpParser::on_headers_complete(llhttp_t* llhttp) {
  HttpParser& self = parser_of(llhttp);
  // CONNECT and Upgrade would end HTTP here; the gateway answers them as any other request.
  llhttp->upgrade = 0;
  Result<State> next = self.finish_head();
  if (!next) return self.refuse(std::move(next.error()));
  self.state_ = *next;
  return HPE_PAUSED;
}

int HttpParser::on_chunk_header(llhttp_t* llhttp) {
  parser_of(llhttp).budget_ += chunk_framing_bytes;
  return 0;
}

int HttpParser::on_body(llhttp_t* llhttp, const char* at, std::size_t size) {
  HttpParser& self = parser_of(llhttp);
  self.body_.emplace_back(at, size);
  // Once for the bytes themselves, which are no framing, and once for framing to come.
  self.budget_ += 2 * static_cast<std::int64_t>(size);
  return 0;
}

int HttpParser::on_message_complete(llhttp_t* llhttp) {
  parser_of(llhttp).state_ = State::complete;
  return HPE_PAUSED;
}

}  // namespace rocket
