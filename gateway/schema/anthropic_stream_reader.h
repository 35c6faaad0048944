#pragma once

#include <optional>

#include "schema/event_pattern.h"
#include "schema/open_block.h"

namespace rocket {

// Reads a streamed message. Blocks that only the provider has are passed over, whole.
class AnthropicStreamReader final : public StreamReader {
 public:
  [[nodiscard]] Result<void> read(std::string_view data, StreamSink& sink) override {
    if (const auto text = pattern_.text_of(data)) {
      return sink.take({.kind = StreamEvent::Kind::text, .block = block_.kind(), .text = {*text}});
    }
    pattern_.forget();
    return read_event(data, sink);
  }
  [[nodiscard]] bool done() const override { return done_; }

 private:
  struct Said;

  [[nodiscard]] Result<void> read_event(std::string_view data, StreamSink& sink);
  [[nodiscard]] Result<void> take(const Said& said, StreamSink& sink);
  [[nodiscard]] Result<void> take_start(const JsonValue& message, StreamSink& sink);
  [[nodiscard]] Result<void> take_block(const JsonValue& block, StreamSink& sink);
  [[nodiscard]] Result<void> take_citation(const JsonValue& value, StreamSink& sink);
  [[nodiscard]] Result<void> take_delta(const JsonValue& delta, StreamSink& sink);
  void take_message_delta(const Said& said);
  [[nodiscard]] Result<void> end(StreamSink& sink);

  OpenBlock block_;
  EventPattern pattern_;  // of the last text, while its block is open
  RawText last_text_;     // of the event that is being read: worth remembering
  bool skipped_ = false;  // a block is open that is passed over
  TokenUsage usage_;
  std::optional<StopReason> stop_;
  std::string stop_sequence_;
  bool done_ = false;
};

}  // namespace rocket
