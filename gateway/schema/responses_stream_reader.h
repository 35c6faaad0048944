#pragma once

#include "schema/open_block.h"

namespace rocket {

// Reads a streamed response: its deltas, and how it ends. What comes again as a whole (the .done
// events) has been read by then.
class ResponsesStreamReader final : public StreamReader {
 public:
  [[nodiscard]] Result<void> read(std::string_view data, StreamSink& sink) override;
  [[nodiscard]] bool done() const override { return done_; }

 private:
  struct Said;

  [[nodiscard]] Result<void> take(const Said& said, StreamSink& sink);
  [[nodiscard]] Result<void> take_start(const JsonValue& response, StreamSink& sink);
  [[nodiscard]] Result<void> take_annotation(const JsonValue& value, StreamSink& sink);
  [[nodiscard]] Result<void> end_part(const JsonValue& part, StreamSink& sink);
  [[nodiscard]] Result<void> end_item(const JsonValue& item, StreamSink& sink);
  [[nodiscard]] Result<void> take_item(const JsonValue& item, StreamSink& sink);
  [[nodiscard]] Result<void> end(const JsonValue& response, StreamSink& sink);

  OpenBlock block_;
  size_t annotations_ = 0;  // of the part that is open, so far
  bool calls_seen_ = false;
  bool done_ = false;
};

}  // namespace rocket
