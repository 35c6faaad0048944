#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace rocket {

// Cuts a stream of bytes into the lines of NDJSON (one JSON text each, ended by LF; a CR before
// it is white space), however the bytes are split. Empty lines are skipped. Lines that are
// complete in one feed() are not copied; only an unfinished one is kept.
class NdjsonSplitter {
 public:
  explicit NdjsonSplitter(size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  // Calls on_line(std::string_view) for each line that `bytes` complete, without its end; valid
  // during the call. upstream_too_large for a line over the limit; nothing may be fed after that.
  template <class OnLine>
  [[nodiscard]] Result<void> feed(std::string_view bytes, OnLine&& on_line) {
    while (!bytes.empty()) {
      const size_t feed = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, feed);
      if (held_.size() + piece.size() > line_bytes_max_) {
        return fail(ErrorCode::upstream_too_large,
                    "a line of the stream is larger than limits.event_bytes");
      }
      if (feed == std::string_view::npos) {
        held_ += piece;
        return {};
      }
      bytes.remove_prefix(feed + 1);
      if (held_.empty()) {
        hand_over(piece, on_line);
      } else {
        held_ += piece;
        hand_over(held_, on_line);
        held_.clear();
      }
    }
    return {};
  }

  // What the stream ended with, if it was not the end of a line: a whole JSON text all the same,
  // or a part of one. Valid until the next feed.
  [[nodiscard]] std::string_view rest() const { return without_end(held_); }

 private:
  [[nodiscard]] static std::string_view without_end(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  template <class OnLine>
  static void hand_over(std::string_view line, OnLine& on_line) {
    line = without_end(line);
    if (!line.empty()) on_line(line);
  }

  size_t line_bytes_max_;
  std::string held_;
};

}  // namespace rocket
