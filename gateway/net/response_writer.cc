#include "net/response_writer.h"

#include <array>
#include <ctime>

#include "base/assert.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

constexpr size_t pieces_max = 64;

// "date: ...\r\n" (RFC 9110, 6.6.1), made anew once per second and thread.
std::string_view date_line() {
  thread_local std::time_t made_at = 0;
  thread_local std::array<char, 64> line{};
  thread_local size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    length = std::strftime(line.data(), line.size(), "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    made_at = now;
  }
  return {line.data(), length};
}

iovec piece_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};
}

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

ResponseWriter::ResponseWriter(ByteStream& stream, const RequestHead& head, bool keep_alive,
                               Duration write_time)
    : stream_(stream),
      write_time_(write_time),
      keep_alive_(keep_alive && head.keep_alive),
      http_1_0_(head.minor_version == 0),
      body_wanted_(head.method != Method::head) {}

void ResponseWriter::append_head(int status, std::string_view header_lines) {
  constexpr size_t usual_bytes = 160;  // the status line, Date and framing
  status_ = status;
  head_.reserve(header_lines.size() + usual_bytes);
  append_status_line(head_, status);
  head_ += date_line();
  head_ += header_lines;
  if (!keep_alive_) {
    head_ += "connection: close\r\n";
  } else if (http_1_0_) {
    head_ += "connection: keep-alive\r\n";
  }
}

void ResponseWriter::send(int status, std::string_view header_lines,
                          std::span<const std::string_view> pieces) {
  ROCKET_ASSERT(state_ == State::fresh);
  append_head(status, header_lines);
  size_t body_bytes = 0;
  for (const std::string_view piece : pieces)
    body_bytes += piece.size();
  if (has_body(status)) append_header(head_, "content-length", std::to_string(body_bytes));
  head_ += "\r\n";
  std::array<iovec, pieces_max> out;
  size_t count = 0;
  out[count++] = piece_of(head_);
  if (body_wanted_ && has_body(status)) {
    for (const std::string_view piece : pieces) {
      if (piece.empty()) continue;
      if (count == pieces_max) {
        put(out, Unsent::borrowed);
        count = 0;
      }
      out[count++] = piece_of(piece);
    }
  }
  state_ = State::ended;
  put(std::span(out).first(count), Unsent::borrowed);
}

void ResponseWriter::start_stream(int status, std::string_view header_lines,
                                  std::optional<std::uint64_t> bytes) {
  ROCKET_ASSERT(state_ == State::fresh);
  chunked_ = !bytes && !http_1_0_;
  if (http_1_0_ && !bytes) keep_alive_ = false;  // only the close can end it
  append_head(status, header_lines);
  if (bytes) append_header(head_, "content-length", std::to_string(*bytes));
  if (chunked_) head_ += "transfer-encoding: chunked\r\n";
  head_ += "\r\n";
  state_ = State::streaming;
}

void ResponseWriter::write(std::span<const std::string_view> pieces, bool last) {
  ROCKET_ASSERT(state_ == State::streaming && !blocked());
  if (last) state_ = State::ended;
  if (failed_) return;
  std::array<iovec, pieces_max> out;
  size_t count = 0;
  if (!head_.empty()) out[count++] = piece_of(head_);
  size_t bytes = 0;
  for (const std::string_view piece : pieces)
    bytes += piece.size();
  std::string prefix;
  const bool framed = chunked_ && body_wanted_;
  if (framed && bytes != 0) {
    append_chunk_prefix(prefix, bytes);
    out[count++] = piece_of(prefix);
  }
  if (body_wanted_) {
    for (const std::string_view piece : pieces) {
      if (count + 2 >= pieces_max) {
        put(std::span(out).first(count), Unsent::copied);
        count = 0;
      }
      if (!piece.empty()) out[count++] = piece_of(piece);
    }
  }
  if (framed && bytes != 0) out[count++] = piece_of(chunk_suffix);
  if (framed && last) out[count++] = piece_of(last_chunk);
  put(std::span(out).first(count), Unsent::copied);
  if (!head_.empty()) std::string().swap(head_);  // a stream lasts, its head is gone
}

void ResponseWriter::cut() {
  state_ = State::ended;
  keep_alive_ = false;
}

void ResponseWriter::send_continue() {
  ROCKET_ASSERT(state_ == State::fresh);
  constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec piece = piece_of(interim);
  put({&piece, 1}, Unsent::copied);
}

void ResponseWriter::put(std::span<iovec> pieces, Unsent unsent) {
  if (failed_ || pieces.empty()) return;
  size_t taken = 0;
  if (!blocked()) {
    const IoResult result = stream_.try_write(pieces);
    if (result.status == IoResult::Status::failed) {
      failed_ = true;
      return;
    }
    taken = result.bytes;
    bytes_sent_ += taken;
  }
  for (const iovec& piece : pieces) {
    const size_t skipped = std::min(taken, piece.iov_len);
    taken -= skipped;
    if (skipped == piece.iov_len) continue;
    const std::string_view rest(static_cast<const char*>(piece.iov_base) + skipped,
                                piece.iov_len - skipped);
    if (unsent == Unsent::borrowed) {
      unsent_.push_back(piece_of(rest));
    } else {
      copied_ += rest;
    }
  }
  if (unsent == Unsent::copied && !copied_.empty()) unsent_.assign(1, piece_of(copied_));
}

Task<bool> ResponseWriter::drained(TimePoint deadline) {
  size_t first = 0;
  // What it sends meanwhile may wake us too (TLS), and is no sign that it takes anything.
  TimePoint took_at = stream_.timers().now();
  while (first < unsent_.size() && !failed_) {
    const std::span<iovec> rest = std::span(unsent_).subspan(first);
    const IoResult result = stream_.try_write(rest.first(std::min(rest.size(), pieces_max)));
    if (result.status == IoResult::Status::would_block) {
      const TimePoint until = std::min(deadline_after(took_at, write_time_), deadline);
      co_await stream_.writable(until);
      if (stream_.timers().now() < until) continue;
      failed_ = true;
      stream_.give_up_unsent();
      break;
    }
    if (result.status != IoResult::Status::done) {
      failed_ = true;
      break;
    }
    took_at = stream_.timers().now();
    bytes_sent_ += result.bytes;
    size_t taken = result.bytes;
    while (first < unsent_.size() && taken >= unsent_[first].iov_len) {
      taken -= unsent_[first++].iov_len;
    }
    if (taken != 0) {
      unsent_[first].iov_base = static_cast<char*>(unsent_[first].iov_base) + taken;
      unsent_[first].iov_len -= taken;
    }
  }
  unsent_.clear();
  copied_.clear();
  co_return !failed_;
}

}  // namespace rocket
