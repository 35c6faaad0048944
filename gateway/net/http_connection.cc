#include "net/http_connection.h"

#include <utility>

#include "base/assert.h"

namespace rocket {
namespace {

// A client that sends less in such a time, when it has been told why it is refused, sends nothing
// that it could be busy with.
constexpr Duration linger_time = std::chrono::seconds(1);
constexpr size_t linger_bytes = 16 * 1024;
// From being accepted to the first byte, in a drain: the request of somebody who has come just
// before the listener closed may be on its way, and nobody sends one twice by himself.
constexpr Duration new_client_time = std::chrono::seconds(1);
// Nobody pays for so much of a head.
constexpr size_t usual_head_bytes = 4096;

std::unexpected<Error> too_many_bodies() {
  return fail(ErrorCode::overloaded, "too many bodies in flight; try again soon");
}

}  // namespace

HttpConnection::HttpConnection(Io& io, std::unique_ptr<ByteStream> stream, RequestHandler& handler)
    : io_(io), stream_(std::move(stream)), handler_(handler), parser_(handler.settings().head) {}

Task<void> HttpConnection::run() {
  bool go_on = true;
  while (go_on) {
    go_on = co_await serve_one();
  }
}

// Assigned, an empty one would leave long strings the memory that they have.
void HttpConnection::forget_request() {
  static_cast<void>(std::exchange(request_, {}));
}

// True if the connection can carry another request.
Task<bool> HttpConnection::serve_one() {
  auto reading = co_await read_request();
  if (!reading) {
    co_await refuse(std::move(reading.error()));
    co_return false;
  }
  if (*reading == Reading::closed) {
    // Over TLS a close without a word looks like one that an attacker made (RFC 8446, 6.1).
    stream_->end_writing();
    co_return false;
  }
  served_ = true;
  request_.complete_at = io_.timers.now();
  if (*reading == Reading::streamed) {
    const bool go_on = co_await serve_streamed();
    co_return go_on;
  }
  ResponseWriter response(*stream_, request_.head, !handler_.draining(),
                          handler_.settings().write_time);
  const bool answered =
      co_await Until(handler_.handle(request_, response), stream_->hangup(), stream_->hung_up());
  if (!answered || !response.alive()) co_return false;
  ROCKET_ASSERT(response.state() == ResponseWriter::State::ended && !response.blocked());
  if (!response.keep_alive()) {
    co_await linger();
    co_return false;
  }
  co_return true;
}

// The same for a request whose body is read by its handler.
Task<bool> HttpConnection::serve_streamed() {
  // Until the body has been read, the connection can not go on.
  ResponseWriter response(*stream_, request_.head, false, handler_.settings().write_time);
  IncomingBody incoming({.io = io_,
                         .stream = *stream_,
                         .parser = parser_,
                         .input = input_,
                         .head = request_.head,
                         .response = response,
                         .keep_alive = !handler_.draining() && request_.head.keep_alive,
                         .body_time = handler_.settings().body_time});
  request_.incoming = &incoming;
  const bool handled =
      co_await Until(handler_.handle(request_, response), stream_->hangup(), stream_->hung_up());
  request_.incoming = nullptr;
  if (!handled || !response.alive()) co_return false;
  ROCKET_ASSERT(response.state() == ResponseWriter::State::ended && !response.blocked());
  if (!response.keep_alive()) {
    co_await linger();
    co_return false;
  }
  co_return true;
}

Task<Result<HttpConnection::Reading>> HttpConnection::read_request() {
  parser_.reset();
  forget_request();
  begun_ = asked_on_ = false;
  idle_since_ = io_.timers.now();
  if (!input_.empty()) {
    // A read may bring two thousand requests.
    co_await stream_->give_way();
    const std::string pipelined = std::exchange(input_, {});
    const auto taken = take(pipelined);
    if (!taken || *taken != Reading::more) co_return taken;
  }
  while (true) {
    const IoResult read =
        stream_->empty() ? IoResult::would_block() : stream_->try_read(io_.scratch);
    if (read.status == IoResult::Status::done) {
      const auto taken = take({io_.scratch.data(), read.bytes});
      if (!taken || *taken != Reading::more) co_return taken;
    } else if (read.status != IoResult::Status::would_block) {
      co_return Reading::closed;
    }
    if (parser_.idle() && io_.timers.now() >= idle_until()) co_return Reading::closed;
    const Wake wake = co_await stream_->readable(read_deadline(io_.timers.now()));
    if (wake == Wake::timed_out) {
      if (parser_.idle()) co_return Reading::closed;
      co_return fail(begun_ ? ErrorCode::body_timeout : ErrorCode::head_timeout,
                     begun_ ? "the request's body did not arrive in time (limits.body_time)"
                            : "the request's head did not arrive in time (limits.header_time)");
    }
  }
}

TimePoint HttpConnection::read_deadline(TimePoint now) const {
  const HttpSettings& settings = handler_.settings();
  if (parser_.idle()) return idle_until();
  if (begun_) return deadline_after(request_.head_at, settings.body_time);
  return deadline_after(first_byte_at_ == TimePoint{} ? now : first_byte_at_, settings.header_time);
}

TimePoint HttpConnection::idle_until() const {
  const Duration most = handler_.settings().keep_alive;
  if (!handler_.draining()) return deadline_after(idle_since_, most);
  return served_ ? idle_since_ : deadline_after(idle_since_, std::min(most, new_client_time));
}

// Feeds the parser; what lies behind the message is kept for the next one.
Result<HttpConnection::Reading> HttpConnection::take(std::string_view data) {
  if (parser_.idle()) first_byte_at_ = io_.timers.now();
  while (true) {
    const auto consumed = parser_.feed(data);
    if (!consumed) return std::unexpected(consumed.error());
    data.remove_prefix(*consumed);
    if (parser_.state() == RequestParser::State::head) {
      const auto held = hold_head(parser_.memory());
      if (!held) return std::unexpected(held.error());
      return Reading::more;
    }
    if (!begun_) {
      const auto begun = begin_body();
      if (!begun) return std::unexpected(begun.error());
      if (terms_.streamed) {
        input_.assign(data);
        return Reading::streamed;
      }
    }
    for (const std::string_view piece : parser_.body()) {
      if (request_.body.size() + piece.size() > terms_.bytes_max) {
        return fail(ErrorCode::body_too_large, "the body is larger than limits.body_bytes allows");
      }
      if (!request_.body.append(handler_.bodies(), piece)) {
        return too_many_bodies();
      }
    }
    parser_.drop_body();
    if (parser_.state() == RequestParser::State::complete) {
      input_.assign(data);
      return Reading::whole;
    }
    if (data.empty()) return Reading::more;
  }
}

Result<void> HttpConnection::begin_body() {
  begun_ = true;
  request_.head = parser_.take_head();
  request_.head_at = io_.timers.now();
  auto held = hold_head(request_.head.headers.memory());
  if (!held) return held;
  const auto terms = handler_.admit(request_.head);
  if (!terms) return std::unexpected(terms.error());
  terms_ = *terms;
  if (parser_.state() == RequestParser::State::complete) terms_.streamed = false;
  if (terms_.streamed) return {};
  const std::uint64_t announced = request_.head.content_length.value_or(0);
  if (announced > terms_.bytes_max) {
    return fail(ErrorCode::body_too_large, "the body is larger than limits.body_bytes allows");
  }
  request_.body.expect(static_cast<size_t>(announced));
  if (request_.head.expect_continue && !asked_on_ &&
      parser_.state() != RequestParser::State::complete) {
    asked_on_ = true;
    ResponseWriter interim(*stream_, request_.head, true, handler_.settings().write_time);
    interim.send_continue();
    // A few bytes into an empty buffer: what does not go out at once has nowhere to go.
    if (interim.blocked() || !interim.alive()) return fail(ErrorCode::client_gone);
  }
  return {};
}

// A large head is paid for like a body: however many clients there are, they hold no more.
Result<void> HttpConnection::hold_head(size_t bytes) {
  const size_t held = request_.head_hold.bytes();
  if (bytes <= std::max(usual_head_bytes, held)) return {};
  if (!request_.head_hold.extend(handler_.bodies(), bytes - held)) return too_many_bodies();
  return {};
}

Task<void> HttpConnection::refuse(Error error) {
  if (error.code == ErrorCode::client_gone) co_return;
  if (!begun_) request_.head = parser_.take_head();
  ResponseWriter response(*stream_, request_.head, false, handler_.settings().write_time);
  co_await handler_.refuse(error, request_.head, response);
  if (response.alive()) {
    co_await linger();
  }
}

// Closing while the client still sends would reset the connection and destroy the answer on its
// way (RFC 9112, 9.6): say that nothing more comes, and read on while much does, as long as a body
// may take. Many clients look for an answer only when they have sent all of theirs.
Task<void> HttpConnection::linger() {
  forget_request();
  parser_.reset();
  stream_->end_writing();
  const TimePoint began = io_.timers.now();
  TimePoint counted_from = began;
  size_t bytes = 0;
  while (true) {
    const IoResult read = stream_->try_read(io_.scratch);
    if (read.status == IoResult::Status::end || read.status == IoResult::Status::failed) co_return;
    bytes += read.bytes;
    co_await stream_->readable(counted_from + linger_time);
    const TimePoint now = io_.timers.now();
    if (now < counted_from + linger_time) continue;
    const bool enough = handler_.draining() || now - began >= handler_.settings().body_time;
    if (bytes < linger_bytes || enough) co_return;
    counted_from = now;
    bytes = 0;
  }
}

}  // namespace rocket
