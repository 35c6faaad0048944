#pragma once

#include <span>
#include <string>
#include <string_view>

#include "schema/stream_event.h"

namespace rocket {

// A streamed answer in words, however it was cut into pieces: one line per block.
class ToldStream final : public StreamSink {
 public:
  [[nodiscard]] Result<void> take(const StreamEvent& event) override;
  [[nodiscard]] const std::string& told() const { return told_; }

 private:
  std::string told_;
};

// What the reader makes of these events: the lines of ToldStream and, if it fails, one with the
// error.
[[nodiscard]] std::string told_by(StreamReader& reader, std::span<const std::string_view> events);

}  // namespace rocket
