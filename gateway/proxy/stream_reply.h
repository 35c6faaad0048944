#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/response_writer.h"
#include "schema/dialect.h"

namespace rocket {

// What may stand between any two events. Clients that watch over events see no comments, so it is
// an event where the dialect has one. Empty: it has neither.
[[nodiscard]] std::string_view sign_of_life(Dialect dialect);

// The client's side of a streamed answer: when its head goes out, what fills a long silence, and
// how it breaks.
class StreamReply {
 public:
  // `heartbeat` of zero: none; of Ollama's dialect there never is one, as it has no sign of life.
  StreamReply(ResponseWriter& writer, Timers& timers, Dialect dialect, Duration heartbeat);

  // The head has been sent, by begin() or by a heartbeat that came before it: from here on a
  // failure can only be told inside the stream.
  [[nodiscard]] bool begun() const { return begun_; }
  // Commits: the head leaves with the first bytes. Does nothing if a heartbeat has sent it.
  void begin(std::string_view header_lines);

  // When the client should be sent something again.
  [[nodiscard]] TimePoint next_beat() const;
  // Sends a sign that clients ignore, and that they and proxies in between count as life: the
  // answer's own, or without one what the dialect has. `header_lines` are those of a head that does
  // not know its backend yet. False: the client is gone.
  [[nodiscard]] Task<bool> beat(std::string header_lines, std::string_view sign = {});

  // Whole events. Copies what the client does not take at once, and then drained() is due.
  void send(std::span<const std::string_view> pieces, bool last);
  [[nodiscard]] bool blocked() const { return writer_.blocked(); }
  [[nodiscard]] Task<bool> drained(TimePoint deadline = never) { return writer_.drained(deadline); }

  // Ends the stream with these last words and visibly broken: never [DONE], no last chunk.
  [[nodiscard]] Task<bool> break_off(std::string last_words);

 private:
  ResponseWriter& writer_;
  Timers& timers_;
  Dialect dialect_;
  Duration heartbeat_;
  TimePoint last_sent_;
  bool begun_ = false;
};

}  // namespace rocket
