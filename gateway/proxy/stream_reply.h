#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/response_writer.h"

namespace rocket {

// The client's side of a streamed answer: when its head goes out, what fills a long silence, and
// how it breaks.
class StreamReply {
 public:
  // `heartbeat` of zero: none.
  StreamReply(ResponseWriter& writer, Timers& timers, std::string request_id, Duration heartbeat);

  // The head has been sent, by begin() or by a heartbeat that came before it: from here on a
  // failure can only be told inside the stream.
  [[nodiscard]] bool begun() const { return begun_; }
  // Commits: the head leaves with the first bytes. Does nothing if a heartbeat has sent it.
  void begin(std::string_view header_lines);

  // When the client should be sent something again.
  [[nodiscard]] TimePoint next_beat() const;
  // Sends a comment, which clients ignore and proxies in between count as life. `header_lines`
  // are those of a head that does not know its backend yet. False: the client is gone.
  [[nodiscard]] Task<bool> beat(std::string header_lines);

  // Whole events. Copies what the client does not take at once, and then drained() is due.
  void send(std::span<const std::string_view> pieces, bool last);
  [[nodiscard]] bool blocked() const { return writer_.blocked(); }
  [[nodiscard]] Task<bool> drained(TimePoint deadline = never) { return writer_.drained(deadline); }

  // Ends the stream with an error event and visibly broken: never [DONE], no last chunk.
  [[nodiscard]] Task<bool> break_off(Error error);

 private:
  ResponseWriter& writer_;
  Timers& timers_;
  std::string request_id_;
  Duration heartbeat_;
  TimePoint last_sent_;
  bool begun_ = false;
};

}  // namespace rocket
