#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rocket {

// A request as it arrived, byte for byte.
struct RecordedRequest {
  std::uint64_t connection = 0;  // which one it came on, counted from 1
  std::string raw;               // head and body with their framing
  std::string head;              // up to and with the empty line
  std::string body;              // without chunk framing
  bool complete = false;         // false: it was malformed, or the peer went in the middle of it
};

// Keeps requests for tests that assert what exactly reached an upstream. Bounded: what would
// exceed `bytes_max` is counted and dropped, the oldest are kept.
class Recorder {
 public:
  explicit Recorder(std::size_t bytes_max = 64U * 1024 * 1024) : bytes_max_(bytes_max) {}

  void record(RecordedRequest request);
  void clear();

  [[nodiscard]] const std::vector<RecordedRequest>& requests() const { return requests_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::vector<RecordedRequest> requests_;
};

}  // namespace rocket
