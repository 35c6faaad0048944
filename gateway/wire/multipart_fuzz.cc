#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "wire/fuzz_splitter.h"
#include "wire/multipart.h"

// Any split of a form gives the same parts, and what a part holds stands in the form as it is,
// without its delimiter. A boundary that was read reads again.
namespace {

using namespace rocket;

constexpr std::string_view boundary = "XX";

struct Reading {
  std::vector<PartHead> heads;
  std::vector<std::string> texts;
  std::size_t ended = 0;
  bool refused = false;
  bool whole = false;
  [[nodiscard]] bool operator==(const Reading&) const = default;
};

// False: the form is refused.
bool take_piece(MultipartReader& reader, std::string_view piece, Reading& reading) {
  while (true) {
    const auto found = reader.next(piece);
    if (!found) {
      ROCKET_ASSERT(found.error().code == ErrorCode::bad_request && !found.error().detail.empty());
      return false;
    }
    switch (*found) {
      case MultipartReader::Found::more: ROCKET_ASSERT(piece.empty()); return true;
      case MultipartReader::Found::end: ++reading.ended; break;
      case MultipartReader::Found::bytes:
        ROCKET_ASSERT(!reader.text().empty());
        reading.texts.back() += reader.text();
        break;
      case MultipartReader::Found::part:
        reading.heads.push_back(reader.head());
        reading.texts.emplace_back();
        break;
    }
  }
}

template <class NextPiece>
Reading read_all(std::string_view input, NextPiece next_piece) {
  MultipartReader reader(boundary);
  Reading reading;
  while (!input.empty()) {
    // A buffer of its own, gone before the next one, so that a view into it would be found.
    const std::string piece(input.substr(0, next_piece()));
    input.remove_prefix(piece.size());
    if (!take_piece(reader, piece, reading)) {
      reading.refused = true;
      return reading;
    }
  }
  reading.whole = reader.finish().has_value();
  return reading;
}

void check_boundary(std::string_view input) {
  const auto read = multipart_boundary(input);
  if (!read) return;
  ROCKET_ASSERT(!read->empty() && read->size() <= 70);
  ROCKET_ASSERT(read->find_first_of("\r\n\"\\") == std::string::npos);
  ROCKET_ASSERT(multipart_boundary("multipart/form-data; boundary=\"" + *read + "\"") == read);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_boundary(input);
  const Reading at_once = read_all(input, [&] { return input.size(); });
  Splitter splitter(input);
  const Reading in_pieces = read_all(input, [&] { return splitter.next(); });
  ROCKET_ASSERT(in_pieces.refused == at_once.refused);
  ROCKET_ASSERT(at_once == in_pieces);
  ROCKET_ASSERT(at_once.ended <= at_once.heads.size());
  for (std::size_t i = 0; i < at_once.ended; ++i) {
    ROCKET_ASSERT(!at_once.texts[i].contains("\r\n--XX"));
    ROCKET_ASSERT(input.contains(at_once.texts[i] + "\r\n--XX"));
  }
  return 0;
}
