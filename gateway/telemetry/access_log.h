#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/timestamp.h"
#include "telemetry/outcome.h"

namespace rocket {

// One exchange as the access log tells it. What is not known, as the first token's time of an
// answer that was not streamed, is null there.
struct AccessEntry {
  WallTime time;  // when the exchange ended
  std::string_view id;
  std::string_view operation;
  std::string_view route;
  std::string_view model;
  std::string_view backend;
  std::string_view endpoint;
  int status = 0;
  Outcome outcome = Outcome::ok;
  Blame blame = Blame::none;
  unsigned attempts = 0;
  Duration queue{};
  std::optional<Duration> first_token;
  Duration total{};
  std::optional<std::uint64_t> tokens_in;
  std::optional<std::uint64_t> tokens_out;
  std::string_view key;  // its name
  std::string_view lane;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

// Appends the entry as one JSON object in a line of at most access_line_bytes_max: no text can
// break it, and where texts would make it too long they are cut.
void append_access_line(std::string& out, const AccessEntry& entry);

// PIPE_BUF of Linux: what one write(2) puts into a pipe as a whole or not at all.
inline constexpr std::size_t access_line_bytes_max = 4096;

// One loop's access log. Lines gather in a buffer until it is full or flush() is called, so that
// one write(2) carries many; each write is of whole lines, and those of several loops that share
// a descriptor do not mix. It never waits: lines that find the buffer full while nobody takes
// them are dropped, and the next line that gets through tells how many: {"dropped":N}.
class AccessLog {
 public:
  // `fd` is not owned; -1: nothing is written. It must not make writers wait: see
  // open_log_descriptor().
  explicit AccessLog(int fd);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog() { flush(); }

  void append(const AccessEntry& entry);
  // Writes what the descriptor takes; the rest is for the next time. Costs nothing when there is
  // nothing to write.
  void flush();

  // Lines dropped and not told of yet.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  static constexpr std::size_t buffer_bytes_max = 64 * 1024;

  [[nodiscard]] bool has_room() const {
    return buffer_.size() + access_line_bytes_max <= buffer_bytes_max;
  }
  void write_buffer();

  int fd_;
  std::size_t write_bytes_max_ = buffer_bytes_max;
  std::string buffer_;
  std::uint64_t dropped_ = 0;
};

}  // namespace rocket
