#pragma once

#include <optional>

#include "schema/open_block.h"

namespace rocket {

// Reads the lines of a streamed answer of /api/chat or /api/generate. Calls of tools come whole,
// each a block.
class OllamaStreamReader final : public StreamReader {
 public:
  [[nodiscard]] Result<void> read(std::string_view data, StreamSink& sink) override;
  [[nodiscard]] bool done() const override { return done_; }

 private:
  struct Said;

  [[nodiscard]] Result<void> take(const Said& said, StreamSink& sink);
  [[nodiscard]] Result<void> take_call(const JsonValue& call, StreamSink& sink);
  [[nodiscard]] Result<void> end(const Said& said, StreamSink& sink);

  OpenBlock block_;
  bool calls_seen_ = false;
  bool done_ = false;
};

}  // namespace rocket
