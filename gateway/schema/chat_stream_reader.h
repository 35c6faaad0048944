#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schema/event_pattern.h"
#include "schema/open_block.h"
#include "schema/tool_arguments.h"

namespace rocket {

// Reads a streamed chat completion. Roles that are said again, events without a choice and
// choices beyond the first are passed over. Calls of tools may come interleaved by their index;
// each is given whole before the next, so that the later ones wait for those before them.
class ChatStreamReader final : public StreamReader {
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
  // A piece of a call.
  struct Piece {
    std::optional<std::int64_t> index;
    RawText id;
    RawText name;
    RawText arguments;
  };
  struct Call {
    std::int64_t index = 0;
    std::string id;
    std::string name;
    std::string arguments;

    [[nodiscard]] bool is_of(const Piece& piece) const;
    [[nodiscard]] bool is_whole() const;
  };
  // What one event says.
  struct Said;

  [[nodiscard]] Result<void> read_event(std::string_view data, StreamSink& sink);
  [[nodiscard]] Result<void> take(const Said& said, StreamSink& sink);
  [[nodiscard]] Result<void> take_citation(Citation citation, StreamSink& sink);
  [[nodiscard]] Result<void> take_call(const Piece& piece, StreamSink& sink);
  [[nodiscard]] Result<void> begin_call(Call call, StreamSink& sink);
  [[nodiscard]] Result<void> add_arguments(RawText arguments, StreamSink& sink);
  [[nodiscard]] Result<void> finish(StreamSink& sink);
  [[nodiscard]] Result<void> end(StreamSink& sink);

  static constexpr size_t waiting_bytes_max = size_t{1} << 20U;

  OpenBlock block_;
  EventPattern pattern_;   // of the last text, while its block is open
  Call call_;              // the one that is open
  ToolArguments tracked_;  // of it: whether it is whole
  std::vector<Call> waiting_;
  size_t waiting_bytes_ = 0;
  size_t texts_ = 0;  // that have begun
  bool calls_seen_ = false;
  std::optional<StopReason> stop_;
  std::string stop_sequence_;  // as it stands between quotes
  std::optional<TokenUsage> usage_;
  bool done_ = false;
};

}  // namespace rocket
