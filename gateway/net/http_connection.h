#pragma once

#include <string>

#include "base/body.h"
#include "net/incoming_body.h"
#include "net/io.h"
#include "net/response_writer.h"
#include "wire/request_parser.h"

namespace rocket {

// One request: head and body as they arrived.
struct Request {
  RequestHead head;
  Body body;
  IncomingBody* incoming = nullptr;  // the body is still to be read; null: it is whole
  TimePoint head_at{};               // when the head was complete
  TimePoint complete_at{};           // when the body was, or reading it was left to the handler
  ByteBudget::Hold head_hold{};      // of what a large head takes
};

// How a request's body is to be read.
struct BodyTerms {
  size_t bytes_max = 0;
  bool streamed = false;  // by whoever handles the request, while he does; the limit is his
};

struct HttpSettings {
  HttpLimits head;
  Duration header_time;
  Duration body_time;
  Duration keep_alive;
  Duration write_time;
};

// What answers the requests of a port. One per loop and port; outlives its connections.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // Before any of the body is read: how it is to be read, or why the request is refused.
  [[nodiscard]] virtual Result<BodyTerms> admit(const RequestHead& head) = 0;

  // Answers. Destroyed where it stands when the client hangs up.
  [[nodiscard]] virtual Task<void> handle(Request& request, ResponseWriter& response) = 0;

  // Answers what never became a request. `head` is as much as had been read.
  [[nodiscard]] virtual Task<void> refuse(const Error& error, const RequestHead& head,
                                          ResponseWriter& response) = 0;

  [[nodiscard]] virtual const HttpSettings& settings() const = 0;
  [[nodiscard]] virtual ByteBudget& bodies() = 0;
  // True: connections end with the answer they are at, and idle ones at once; one that has just
  // been made has a second for its only request.
  [[nodiscard]] virtual bool draining() const = 0;
};

// One client connection, HTTP/1.1 or 1.0: reads messages one at a time, bounded and each with
// its deadlines, has them answered in order, and watches for the client to hang up meanwhile.
// Holds no buffer between requests.
class HttpConnection {
 public:
  HttpConnection(Io& io, std::unique_ptr<ByteStream> stream, RequestHandler& handler);

  // Serves until the connection ends.
  [[nodiscard]] Task<void> run();

  // Looks at handler.draining() again if it is idle.
  void wake_idle() { stream_->wake_reader(); }

 private:
  enum class Reading : unsigned char { more, whole, streamed, closed };

  void forget_request();
  [[nodiscard]] Task<bool> serve_one();
  [[nodiscard]] Task<bool> serve_streamed();
  [[nodiscard]] Task<Result<Reading>> read_request();
  [[nodiscard]] Result<Reading> take(std::string_view data);
  [[nodiscard]] Result<void> begin_body();
  [[nodiscard]] Result<void> hold_head(size_t bytes);
  [[nodiscard]] TimePoint read_deadline(TimePoint now) const;
  [[nodiscard]] TimePoint idle_until() const;
  [[nodiscard]] Task<void> refuse(Error error);
  [[nodiscard]] Task<void> linger();

  Io& io_;
  std::unique_ptr<ByteStream> stream_;
  RequestHandler& handler_;
  RequestParser parser_;
  std::string input_;  // bytes behind the last message: a pipelined next one
  Request request_;
  BodyTerms terms_;
  bool served_ = false;    // a request, whatever came of it
  bool begun_ = false;     // the head is complete and admitted
  bool asked_on_ = false;  // 100 Continue was sent
  TimePoint idle_since_{};
  TimePoint first_byte_at_{};
};

}  // namespace rocket
