#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "net/connection_pool.h"
#include "net/io.h"
#include "wire/response_parser.h"

namespace rocket {

// Reads one answer from a borrowed connection, a read at a time, and never waits: after
// `blocked` the caller waits for stream().readable() with the deadline of its phase.
class AnswerReader {
 public:
  enum class Step : unsigned char { blocked, progressed, complete };

  AnswerReader(ConnectionPool::Lease lease, HttpLimits limits)
      : lease_(std::move(lease)), parser_(limits) {}

  // One read into `scratch`. Then head() if head_complete(), and in body() what came of the
  // body, as views into `scratch`. Errors: upstream_closed, upstream_garbage,
  // upstream_too_large; the connection is then good for nothing more.
  [[nodiscard]] Result<Step> step(std::span<char> scratch);

  [[nodiscard]] bool head_complete() const {
    return parser_.state() != ResponseParser::State::head;
  }
  [[nodiscard]] const ResponseHead& head() const { return parser_.head(); }
  [[nodiscard]] std::span<const std::string_view> body() const { return parser_.body(); }
  [[nodiscard]] bool complete() const { return parser_.state() == ResponseParser::State::complete; }
  // It has been looked at, and the next step may be long in coming.
  void drop_body() { parser_.drop_body(); }
  // Nobody will look at them again; the rest of the head stays.
  void drop_headers() { parser_.drop_headers(); }
  // At least one byte of an answer has come.
  [[nodiscard]] bool answered() const { return answered_; }
  [[nodiscard]] bool reused() const { return lease_.reused(); }
  // Whatever the answer says: the connection is good for nothing more.
  void close_after() { clean_ = false; }
  [[nodiscard]] ByteStream& stream() { return lease_.stream(); }

  // Gives the connection back to its pool. If only the end of the framing is missing, `group`
  // reads it off first, so that the client need not wait for it.
  static void release(std::unique_ptr<AnswerReader> reader, Io& io, TaskGroup& group);
  // The same for a complete answer; a connection that can not be used again is closed.
  void give_back() {
    if (reusable()) lease_.give_back();
  }

 private:
  [[nodiscard]] bool reusable() const { return complete() && head().keep_alive && clean_; }
  static Task<void> read_off(std::unique_ptr<AnswerReader> reader, Io& io);

  ConnectionPool::Lease lease_;
  ResponseParser parser_;
  bool answered_ = false;
  bool clean_ = true;  // nothing came behind the answer, and the request went out whole
};

}  // namespace rocket
