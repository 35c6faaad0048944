#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rocket {

// For fuzz targets: sizes of the pieces to cut an input into, from the input itself, so that it
// alone reproduces a finding.
class Splitter {
 public:
  explicit Splitter(std::string_view input) {
    for (const char c : input)
      state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  [[nodiscard]] std::size_t next() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return 1 + (state_ >> 33) % 24;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

}  // namespace rocket
