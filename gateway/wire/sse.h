#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rocket {

// One event of a text/event-stream (WHATWG HTML, 9.2). Views are valid while it is handed over;
// those into what was just fed, as long as that.
struct SseEvent {
  std::string_view raw;   // every byte of it, with the empty line that ends it
  std::string_view data;  // its data lines, joined by a line feed; empty for a comment
};

// Cuts a stream of bytes into events, however the bytes are split. Lines end with LF or CRLF, or
// where a lone CR ends the stream's first line, with any of the three; elsewhere a lone CR is a
// byte like any other, so that streams without any need not be searched for it. Events that are
// complete in one feed() are not copied; only an unfinished one is kept.
//
// A CR that ends an empty line ends its event at once, since nothing may come behind it for long.
// A LF that does come is an event of its own without data, as a further empty line is.
class SseSplitter {
 public:
  explicit SseSplitter(size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

  // Calls on_event(const SseEvent&) for each event that `bytes` completes. upstream_too_large for
  // an event over the limit; nothing may be fed after that.
  template <class OnEvent>
  [[nodiscard]] Result<void> feed(std::string_view bytes, OnEvent&& on_event) {
    while (!bytes.empty()) {
      if (const auto usual = usual_event(bytes)) {
        on_event(*usual);
        bytes.remove_prefix(usual->raw.size());
        continue;
      }
      const size_t end = event_end(bytes);
      if (held_.size() + (end == npos ? bytes.size() : end) > event_bytes_max_) {
        return fail(ErrorCode::upstream_too_large,
                    "an event of the stream is larger than limits.event_bytes");
      }
      if (end == npos) {
        held_ += bytes;
        return {};
      }
      std::string_view raw = bytes.substr(0, end);
      if (!held_.empty()) {
        held_ += raw;
        raw = held_;
      }
      on_event(SseEvent{raw, data_of(raw)});
      held_.clear();
      bytes.remove_prefix(end);
    }
    return {};
  }

  // Bytes of an event that has not ended.
  [[nodiscard]] bool unfinished() const { return !held_.empty(); }

 private:
  static constexpr size_t npos = std::string_view::npos;

  // What ends a line, as the stream's first one tells: a LF, whatever stands before it, or either.
  enum class Ends : unsigned char { unknown, feed, either };
  // What the current line holds so far. `begin`: nothing, and it may end with a CR, or nobody
  // knows; then carriage_return is what has ended the line before.
  enum class Line : unsigned char { empty, begin, carriage_return, text };

  // The event that `bytes` begin with, if all of it is one data line ended by LF, as most are:
  // what the functions below would find, for less.
  [[nodiscard]] std::optional<SseEvent> usual_event(std::string_view bytes) const {
    constexpr std::string_view begin = "data: ";
    if (!held_.empty() || line_ != Line::empty || !bytes.starts_with(begin)) return std::nullopt;
    const size_t feed = bytes.find('\n', begin.size());
    if (feed == npos || feed + 2 > bytes.size() || feed + 2 > event_bytes_max_) return std::nullopt;
    if (bytes[feed + 1] != '\n' || bytes[feed - 1] == '\r') return std::nullopt;
    return SseEvent{bytes.substr(0, feed + 2), bytes.substr(begin.size(), feed - begin.size())};
  }
  [[nodiscard]] size_t event_end(std::string_view bytes);
  [[nodiscard]] size_t end_by_feed(std::string_view bytes);
  [[nodiscard]] size_t end_by_either(std::string_view bytes);
  void find_ends(std::string_view bytes);
  [[nodiscard]] std::string_view data_of(std::string_view raw);

  size_t event_bytes_max_;
  std::string held_;
  std::string joined_;
  Line line_ = Line::begin;
  Ends ends_ = Ends::unknown;
};

}  // namespace rocket
