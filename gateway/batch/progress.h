#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "store/records.h"

namespace rocket {

// How far a batch has got, in words for whoever waits for it.
struct Progress {
  std::uint64_t total = 0;
  std::uint64_t done = 0;  // lines with a result, failed ones among them
  std::uint64_t failed = 0;
  std::uint64_t begun_with = 0;  // of `done`, when this run began
  BatchTokens tokens{};
  Duration elapsed{};     // of this run
  std::string trouble{};  // why it does not get on; empty: it does
};

// "1234 of 2000 lines, 3 failed, 320 a second, 2 s left, 12345 tokens in, 678 out"
[[nodiscard]] std::string progress_text(const Progress& progress);
// The same behind a bar, in at most `columns` characters, for a line that is written over; in
// fewer words where it does not fit: "[======    ] 1234/2000, 3 failed, 320/s, 2s left, 12.3k+678
// tokens"
[[nodiscard]] std::string progress_bar(const Progress& progress, std::size_t columns);

}  // namespace rocket
