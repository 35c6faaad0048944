#pragma once

#include "schema/stream_event.h"
#include "schema/tool_arguments.h"

namespace rocket {

// Writes a streamed message. The arguments of a tool's call are one JSON object whatever the
// model gave, or an error: clients parse them when the block ends.
class AnthropicStreamWriter final : public StreamWriter {
 public:
  explicit AnthropicStreamWriter(const AnswerFrame& frame);
  [[nodiscard]] Result<void> take(const StreamEvent& event) override;

 private:
  void begin(const StreamEvent& event);
  void begin_block(const StreamEvent& event);
  void write_citation(const Citation& citation);
  [[nodiscard]] Result<void> add_arguments(RawText piece);
  void write_arguments(std::string_view piece);
  void end_block();
  void end(const StreamEvent& event);

  std::string id_;
  std::string model_;
  size_t index_ = 0;
  bool in_call_ = false;
  bool refused_ = false;
  std::string head_;  // of the open block's deltas, up to the inside of their text
  ToolArguments arguments_;
  TokenUsage usage_;
};

}  // namespace rocket
