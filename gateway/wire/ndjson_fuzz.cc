#include "wire/ndjson.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "wire/fuzz_splitter.h"

// Any split of the input gives the same lines, and they are those that cutting the whole input
// at its line feeds gives.
namespace {

using namespace rocket;

constexpr std::size_t small_limit = 24;  // small enough to be reached

struct Reading {
  std::vector<std::string> lines;
  std::string rest;
  bool too_large = false;
  [[nodiscard]] bool operator==(const Reading&) const = default;
};

template <class NextPiece>
Reading read_all(std::string_view input, std::size_t limit, NextPiece next_piece) {
  NdjsonSplitter splitter(limit);
  Reading reading;
  while (!input.empty()) {
    // A buffer of its own, gone before the next feed, so that a view into it would be found.
    const std::string piece(input.substr(0, next_piece()));
    input.remove_prefix(piece.size());
    const auto fed =
        splitter.feed(piece, [&](std::string_view line) { reading.lines.emplace_back(line); });
    if (!fed) {
      ROCKET_ASSERT(fed.error().code == ErrorCode::upstream_too_large);
      reading.too_large = true;
      return reading;
    }
  }
  reading.rest = splitter.rest();
  return reading;
}

Reading tell(std::string_view input, std::size_t limit) {
  Reading told;
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    std::string line(input.substr(0, end));
    if (line.size() > limit) {
      told.too_large = true;
      return told;
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (end == std::string_view::npos) {
      told.rest = line;
      break;
    }
    if (!line.empty()) told.lines.push_back(line);
    input.remove_prefix(end + 1);
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const std::size_t limit : {size, small_limit}) {
    const Reading told = tell(input, limit);
    ROCKET_ASSERT(told == read_all(input, limit, [size] { return size; }));
    ROCKET_ASSERT(told == read_all(input, limit, [] { return std::size_t{1}; }));
    Splitter splitter(input);
    ROCKET_ASSERT(told == read_all(input, limit, [&splitter] { return splitter.next(); }));
  }
  return 0;
}
