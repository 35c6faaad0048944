#pragma once

#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace rocket {

// The events that one read completed for the client, moved together in the buffer that was read
// into, over the chunk framing between them and what the client is not to see: one piece to write
// however many they are.
class PackedEvents {
 public:
  // Before a read into `buffer` is parsed; what was kept of the one before is forgotten.
  void begin(std::span<char> buffer) {
    buffer_ = buffer;
    begun_before_.clear();
    together_ = {};
  }

  // In the order of the stream. `event` lies in the buffer, or elsewhere if it came in pieces; it
  // and everything in front of it may be overwritten from now on.
  void keep(std::string_view event) {
    const bool in_buffer =
        event.data() >= buffer_.data() && event.data() < buffer_.data() + buffer_.size();
    if (together_.empty() && in_buffer) {
      together_ = event;
    } else if (together_.empty() && begun_before_.empty()) {
      // Only this one can have begun in an earlier read, and be larger than its part of this one.
      begun_before_ = event;
    } else {
      char* const begin =
          together_.empty() ? buffer_.data() : buffer_.data() + (together_.data() - buffer_.data());
      char* const end = begin + together_.size();
      if (end != event.data()) std::memmove(end, event.data(), event.size());
      together_ = {begin, together_.size() + event.size()};
    }
  }

  [[nodiscard]] bool empty() const { return begun_before_.empty() && together_.empty(); }
  // Valid until the buffer is read into again.
  [[nodiscard]] std::array<std::string_view, 2> pieces() const {
    return {begun_before_, together_};
  }

 private:
  std::span<char> buffer_;
  std::string begun_before_;
  std::string_view together_;
};

}  // namespace rocket
