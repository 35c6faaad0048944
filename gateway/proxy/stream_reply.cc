#include "proxy/stream_reply.h"

namespace rocket {
namespace {

// To proxies on the way to the client, which nginx for one would do if it were not told.
constexpr std::string_view unbuffered_lines =
    "cache-control: no-store\r\nx-accel-buffering: no\r\n";

}  // namespace

std::string_view sign_of_life(Dialect dialect) {
  if (dialect == Dialect::anthropic) return "event: ping\ndata: {\"type\": \"ping\"}\n\n";
  return is_ollama(dialect) ? "" : ": keep-alive\n\n";
}

StreamReply::StreamReply(ResponseWriter& writer, Timers& timers, Dialect dialect,
                         Duration heartbeat)
    : writer_(writer),
      timers_(timers),
      dialect_(dialect),
      heartbeat_(is_ollama(dialect) ? Duration::zero() : heartbeat),
      last_sent_(timers.now()) {}

void StreamReply::begin(std::string_view header_lines) {
  if (begun_) return;
  begun_ = true;
  std::string lines(header_lines);
  lines += unbuffered_lines;
  writer_.start_stream(200, lines);
}

TimePoint StreamReply::next_beat() const {
  return heartbeat_ == Duration::zero() ? never : deadline_after(last_sent_, heartbeat_);
}

Task<bool> StreamReply::beat(std::string header_lines, std::string_view sign) {
  begin(header_lines);
  if (sign.empty()) sign = sign_of_life(dialect_);
  send({&sign, 1}, false);
  const bool alive = co_await drained();
  co_return alive;
}

void StreamReply::send(std::span<const std::string_view> pieces, bool last) {
  last_sent_ = timers_.now();
  writer_.write(pieces, last);
}

Task<bool> StreamReply::break_off(std::string last_words) {
  const std::string_view piece = last_words;
  send({&piece, 1}, false);
  const bool alive = co_await drained();
  writer_.cut();
  co_return alive;
}

}  // namespace rocket
