#pragma once

#include "schema/stream_event.h"

namespace rocket {

// What a reader has given of a stream so far, so that what it gives next is in order: it starts
// once, and one block ends before another begins.
class OpenBlock {
 public:
  // The answer's id and model, if this is the first that is known of it.
  [[nodiscard]] Result<void> start(StreamSink& sink, const StreamEvent& event) {
    if (started_) return {};
    started_ = true;
    return sink.take(event);
  }
  // Ends what is open. Starts the stream if nothing has. upstream_garbage for a call of nothing.
  [[nodiscard]] Result<void> begin(StreamSink& sink, const StreamEvent& block) {
    if (block.block == Part::Kind::tool_call && block.name.empty()) {
      return fail(ErrorCode::upstream_garbage, "a tool's call does not say of which");
    }
    const auto ended = end(sink);
    if (!ended) return ended;
    kind_ = block.block;
    open_ = true;
    return sink.take(block);
  }
  [[nodiscard]] Result<void> end(StreamSink& sink) {
    if (!started_) {
      const auto started = start(sink, {.kind = StreamEvent::Kind::start});
      if (!started) return started;
    }
    if (!open_) return {};
    open_ = false;
    return sink.take({.kind = StreamEvent::Kind::block_end, .block = kind_});
  }
  // More of a block of this kind, which is opened if it is not. Nothing is more of nothing.
  [[nodiscard]] Result<void> add(StreamSink& sink, Part::Kind kind, RawText text) {
    if (text.empty()) return {};
    if (!is(kind)) {
      const auto begun = begin(sink, {.kind = StreamEvent::Kind::block_start, .block = kind});
      if (!begun) return begun;
    }
    return sink.take({.kind = StreamEvent::Kind::text, .block = kind, .text = text});
  }

  // Of the text that is open, or is opened if nothing is. Elsewhere it belongs to nothing.
  [[nodiscard]] Result<void> cite(StreamSink& sink, const Citation& citation) {
    if (open_ && kind_ != Part::Kind::text) return {};
    if (!open_) {
      const auto begun = begin(sink, {.kind = StreamEvent::Kind::block_start});
      if (!begun) return begun;
    }
    StreamEvent event{.kind = StreamEvent::Kind::citation};
    event.citation = &citation;
    return sink.take(event);
  }

  [[nodiscard]] bool is(Part::Kind kind) const { return open_ && kind_ == kind; }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] Part::Kind kind() const { return kind_; }

 private:
  bool started_ = false;
  bool open_ = false;
  Part::Kind kind_ = Part::Kind::text;
};

}  // namespace rocket
