#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "net/io.h"
#include "net/response_writer.h"
#include "wire/request_parser.h"

namespace rocket {

// The body of a request that is handled while it arrives: whoever handles it reads it here, as
// fast as he likes, and what he does not read stays with the client. One that is never read is
// never asked for, where the client waits to be (Expect).
//
// The connection can carry another request only once this one has been read to its end.
class IncomingBody {
 public:
  // Of the connection that it comes by; all outlive it.
  struct Source {
    Io& io;
    ByteStream& stream;
    RequestParser& parser;  // behind the head
    std::string& input;     // what came with the head; what comes behind the body
    const RequestHead& head;
    ResponseWriter& response;
    bool keep_alive;     // the connection may go on, once the body has been read
    Duration body_time;  // for each MiB of it
  };

  explicit IncomingBody(const Source& source) : source_(source) {}
  IncomingBody(const IncomingBody&) = delete;
  IncomingBody& operator=(const IncomingBody&) = delete;

  // What has arrived, good until the next co_await; none: the body is whole. Errors: bad_request,
  // head_too_large (chunk extensions and trailers), body_timeout; client_gone: nobody is there to
  // be told anything. Nothing is to be read after one.
  [[nodiscard]] Task<Result<std::span<const std::string_view>>> read();

  // Those that read() has returned.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  using Pieces = std::span<const std::string_view>;

  [[nodiscard]] Result<Pieces> take(std::string_view data);
  [[nodiscard]] Result<void> ask_for_it();
  [[nodiscard]] bool whole() const { return source_.parser.state() == HttpParser::State::complete; }

  Source source_;
  std::string with_head_;  // what came with the head, while it is looked at
  bool begun_ = false;
  std::uint64_t bytes_ = 0;
  std::uint64_t timed_bytes_ = 0;  // up to here the client has been in time
  Duration waited_{};              // for what is behind them
};

}  // namespace rocket
