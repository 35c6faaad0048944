#pragma once

#include "schema/stream_event.h"
#include "schema/tool_arguments.h"

namespace rocket {

// Writes the lines of a streamed answer of /api/chat or, if `dialect` is generate, of
// /api/generate, which has no calls. A call is one line, so its arguments wait for their end.
class OllamaStreamWriter final : public StreamWriter {
 public:
  OllamaStreamWriter(Dialect dialect, const AnswerFrame& frame);
  [[nodiscard]] Result<void> take(const StreamEvent& event) override;
  void note_time(Duration since_request) override { now_ = since_request; }

 private:
  void begin(RawText model);
  void write_text(const StreamEvent& event);
  [[nodiscard]] Result<void> add_arguments(RawText piece);
  void write_call();
  void end(const StreamEvent& event);

  static constexpr size_t arguments_max = size_t{1} << 20U;

  Dialect dialect_;
  std::string id_;
  std::string model_;
  std::string created_at_;
  std::string head_;  // of each line, up to what it says
  std::string call_id_;
  std::string call_name_;
  std::string arguments_;
  ToolArguments mended_;
  size_t calls_ = 0;
  TokenUsage usage_;
  Duration now_{};
  Duration first_token_{};
};

}  // namespace rocket
