#include "proxy/stream_reply.h"

#include "proxy/error_response.h"

namespace rocket {

StreamReply::StreamReply(ResponseWriter& writer, Timers& timers, std::string request_id,
                         Duration heartbeat)
    : writer_(writer),
      timers_(timers),
      request_id_(std::move(request_id)),
      heartbeat_(heartbeat),
      last_sent_(timers.now()) {}

void StreamReply::begin(std::string_view header_lines) {
  if (begun_) return;
  begun_ = true;
  writer_.start_stream(200, header_lines);
}

TimePoint StreamReply::next_beat() const {
  return heartbeat_ == Duration::zero() ? never : deadline_after(last_sent_, heartbeat_);
}

Task<bool> StreamReply::beat(std::string header_lines) {
  begin(header_lines);
  constexpr std::string_view comment = ": keep-alive\n\n";
  send({&comment, 1}, false);
  const bool alive = co_await drained();
  co_return alive;
}

void StreamReply::send(std::span<const std::string_view> pieces, bool last) {
  last_sent_ = timers_.now();
  writer_.write(pieces, last);
}

Task<bool> StreamReply::break_off(Error error) {
  const std::string event = error_event(error, request_id_);
  const std::string_view piece = event;
  send({&piece, 1}, false);
  const bool alive = co_await drained();
  writer_.cut();
  co_return alive;
}

}  // namespace rocket
