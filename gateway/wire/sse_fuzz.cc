#include "wire/sse.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "wire/fuzz_splitter.h"

// Any split of the input gives the same events, no byte is lost or added, and each event says
// what the specification, read line by line, says.
namespace {

using namespace rocket;

constexpr std::size_t small_limit = 48;  // small enough to be reached

struct Reading {
  std::vector<std::string> raw;
  std::vector<std::string> data;
  bool unfinished = false;
  bool too_large = false;
  [[nodiscard]] bool operator==(const Reading&) const = default;
};

template <class NextPiece>
Reading read_all(std::string_view input, std::size_t limit, NextPiece next_piece) {
  SseSplitter splitter(limit);
  Reading reading;
  while (!input.empty()) {
    // A buffer of its own, gone before the next feed, so that a view into it would be found.
    const std::string piece(input.substr(0, next_piece()));
    input.remove_prefix(piece.size());
    const auto fed = splitter.feed(piece, [&](const SseEvent& event) {
      ROCKET_ASSERT(event.raw.size() <= limit);
      reading.raw.emplace_back(event.raw);
      reading.data.emplace_back(event.data);
    });
    if (!fed) {
      ROCKET_ASSERT(fed.error().code == ErrorCode::upstream_too_large);
      reading.too_large = true;
      return reading;
    }
  }
  reading.unfinished = splitter.unfinished();
  return reading;
}

// Whether a CR alone ends the first line, so that one may end any.
bool ends_by_either(std::string_view input) {
  const std::size_t first = input.find_first_of("\r\n");
  if (first == std::string_view::npos || first + 1 >= input.size()) return false;
  return input[first] == '\r' && input[first + 1] != '\n';
}

// The line that `raw` begins with, taken off it with its end.
std::string take_line(std::string_view& raw, bool either) {
  const std::size_t end = raw.find_first_of(either ? "\r\n" : "\n");
  ROCKET_ASSERT(end != std::string_view::npos);
  const bool two = raw.substr(end).starts_with("\r\n");
  std::string line(raw.substr(0, end));
  raw.remove_prefix(end + (two ? 2 : 1));
  if (!either && line.ends_with('\r')) line.pop_back();
  return line;
}

// The data of one event, told the long way (WHATWG HTML, 9.2.6), and whether it is one event.
struct Told {
  std::string data;
  bool ends = false;
};

Told tell(std::string_view raw, bool either) {
  Told told;
  bool first = true;
  // A line of a byte order mark and nothing else ends no event: it has none before it.
  bool marked = raw.starts_with("\xEF\xBB\xBF");
  if (marked) raw.remove_prefix(3);
  while (!raw.empty()) {
    ROCKET_ASSERT(!told.ends);  // nothing behind the empty line
    const std::string line = take_line(raw, either);
    if (line.empty() && !marked) told.ends = true;
    marked = false;
    const std::size_t colon = line.find(':');
    if (line.substr(0, colon) != "data") continue;
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (!value.empty() && value.front() == ' ') value.erase(0, 1);
    told.data += (first ? "" : "\n") + value;
    first = false;
  }
  return told;
}

// All data that is not empty, of the stream as one text: each line end made one LF, events between
// two of them.
std::vector<std::string> dispatched(std::string_view stream) {
  std::string text;
  while (stream.find_first_of("\r\n") != std::string_view::npos)
    text += take_line(stream, true) + '\n';
  std::vector<std::string> all;
  std::size_t begin = 0;
  for (std::size_t end = 0; end < text.size(); ++end) {
    const bool empty_line = text[end] == '\n' && (end == begin || text[end - 1] == '\n');
    if (!empty_line) continue;
    Told told = tell(std::string_view(text).substr(begin, end + 1 - begin), true);
    if (!told.data.empty()) all.push_back(std::move(told.data));
    begin = end + 1;
  }
  return all;
}

void check_events(std::string_view input, const Reading& reading) {
  const bool either = ends_by_either(input);
  std::size_t position = 0;
  std::vector<std::string> said;
  for (std::size_t i = 0; i < reading.raw.size(); ++i) {
    const std::string& raw = reading.raw[i];
    ROCKET_ASSERT(input.substr(position, raw.size()) == raw);
    position += raw.size();
    const Told told = tell(raw, either);
    ROCKET_ASSERT(told.ends);
    ROCKET_ASSERT(told.data == reading.data[i]);
    if (!told.data.empty()) said.push_back(told.data);
  }
  if (reading.too_large) return;
  const std::string_view rest = input.substr(position);
  ROCKET_ASSERT(reading.unfinished == !rest.empty());
  // No event hides in what is left.
  ROCKET_ASSERT(!rest.starts_with('\n') && !rest.starts_with("\r\n"));
  ROCKET_ASSERT(!rest.contains("\n\n") && !rest.contains("\n\r\n"));
  if (!either) return;
  ROCKET_ASSERT(!rest.starts_with('\r') && !rest.contains("\r\r") && !rest.contains("\n\r"));
  ROCKET_ASSERT(said == dispatched(input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const std::size_t limit : {size + 1, small_limit}) {
    const Reading whole = read_all(input, limit, [size] { return size; });
    check_events(input, whole);
    ROCKET_ASSERT(whole == read_all(input, limit, [] { return std::size_t{1}; }));
    Splitter splitter(input);
    ROCKET_ASSERT(whole == read_all(input, limit, [&splitter] { return splitter.next(); }));
  }
  return 0;
}
