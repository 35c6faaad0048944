#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/event_pattern.h"
#include "schema/openai_answer.h"
#include "wire/sse.h"

namespace rocket {

// What of an event the client is to see.
enum class Shown : unsigned char { nothing, all, all_but_usage };

// The event's data without its usage: what a server says that tells it with the end of an answer,
// to whoever has not asked for it.
[[nodiscard]] std::string without_usage(std::string_view data);

// What a streamed answer has said so far, and which of its events the client is to see. Where
// upstream and client both speak OpenAI the events themselves pass byte for byte.
class OpenAiStream {
 public:
  // `usage_asked`: the client wants the usage that Rocket asks the upstream for anyway.
  OpenAiStream(Operation operation, bool usage_asked)
      : operation_(operation), usage_asked_(usage_asked) {}

  // Errors: upstream_garbage, upstream_error_event with the upstream's words; the stream is over
  // then.
  [[nodiscard]] Result<Shown> take(const SseEvent& event) {
    if (!done_ && pattern_.matches(event.data)) {
      ++content_events_;
      return Shown::all;
    }
    return read(event);
  }

  // Something of the answer has come: before it, a failure is invisible to the client.
  [[nodiscard]] bool content_seen() const { return content_events_ != 0; }
  // The stream has ended as it should.
  [[nodiscard]] bool done() const { return done_; }
  // As the upstream counted; without its word, an event of content is taken for a token, but not
  // one that only says how the answer ended.
  [[nodiscard]] Usage usage() const;

 private:
  [[nodiscard]] Result<Shown> read(const SseEvent& event);
  // Text completions end with it at some servers whether it was asked for or not.
  [[nodiscard]] bool hides_usage() const {
    return !usage_asked_ && operation_ == Operation::chat_completions;
  }
  [[nodiscard]] Result<Shown> note(OpenAiEvent&& read, std::string_view data);

  Operation operation_;
  bool usage_asked_;
  bool done_ = false;
  std::int64_t content_events_ = 0;
  std::int64_t ends_ = 0;  // of them say nothing besides
  std::optional<Usage> usage_;
  EventPattern pattern_;  // of the last content that came without usage
};

}  // namespace rocket
