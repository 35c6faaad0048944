#pragma once

#include "schema/held_citations.h"
#include "schema/stream_event.h"

namespace rocket {

// Writes a streamed chat completion. What a client need not see of an answer (signatures, sealed
// thinking) is left out; so are calls beyond the first where the client knows functions alone, who
// was to be given no more.
class ChatStreamWriter final : public StreamWriter {
 public:
  // `usage_asked`: the client wants a chunk with usage.
  ChatStreamWriter(const AnswerFrame& frame, bool usage_asked);
  [[nodiscard]] Result<void> take(const StreamEvent& event) override;
  [[nodiscard]] size_t kept_bytes() const override { return citations_.bytes(); }

 private:
  void begin(RawText model);
  void write_text(const StreamEvent& event);
  void write_arguments(RawText text);
  void begin_block(const StreamEvent& event);
  void end_block(const StreamEvent& event);
  void write_citations();
  void end(StopReason stop);

  std::string id_;
  std::string model_;
  std::int64_t created_;
  bool usage_asked_;
  bool legacy_functions_;
  std::string head_;  // of each chunk, up to the inside of its delta
  std::string tail_;
  // Where in the message the text is that is open, in characters, and what it cites.
  TextSpan text_;
  HeldCitations citations_;
  size_t calls_ = 0;
  bool arguments_begun_ = false;  // of the call that is open
  TokenUsage usage_;
};

}  // namespace rocket
