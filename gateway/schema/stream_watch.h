#pragma once

#include <cstdint>

#include "schema/stream_event.h"

namespace rocket {

// Keeps what Rocket itself has to know of a streamed answer, and passes its steps on.
class StreamWatch final : public StreamSink {
 public:
  // Outlives this; null: nobody else wants the steps.
  explicit StreamWatch(StreamSink* next) : next_(next) {}
  [[nodiscard]] Result<void> take(const StreamEvent& event) override;

  // Something of the answer has come: before it, a failure can still be made good elsewhere. Who
  // has begun to think and says that it is at it may show nothing of it for minutes.
  [[nodiscard]] bool content_seen() const { return content_events_ != 0; }
  // Without the upstream's word, an event of content is taken for a token.
  [[nodiscard]] TokenUsage usage() const {
    TokenUsage usage = usage_;
    if (usage.output == 0) usage.output = texts_;
    return usage;
  }

 private:
  StreamSink* next_;
  std::int64_t content_events_ = 0;
  std::int64_t texts_ = 0;
  bool thinks_ = false;
  TokenUsage usage_;
};

}  // namespace rocket
