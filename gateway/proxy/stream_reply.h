#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/response_writer.h"
#include "schema/dialect.h"

namespace rocket {

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
  // Sends `sign`, which clients ignore and proxies in between count as life. `header_lines` are
  // those of a head that does not know its backend yet. False: the client is gone.
  static constexpr std::string_view comment = ": keep-alive\n\n";
  [[nodiscard]] Task<bool> beat(std::string header_lines, std::string_view sign = comment);

  // Whole events. Copies what the client does not take at once, and then drained() is due.
  void send(std::span<const std::string_view> pieces, bool last);
  [[nodiscard]] bool blocked() const { return writer_.blocked(); }
  [[nodiscard]] Task<bool> drained(TimePoint deadline = never) { return writer_.drained(deadline); }

  // Ends the stream with these last words and visibly broken: never [DONE], no last chunk.
  [[nodiscard]] Task<bool> break_off(std::string last_words);

 private:
  ResponseWriter& writer_;
  Timers& timers_;
  Duration heartbeat_;
  TimePoint last_sent_;
  bool begun_ = false;
};

}  // namespace rocket
