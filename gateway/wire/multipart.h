#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rocket {

// The boundary that a Content-Type names: "multipart/form-data; boundary=X". None: it is another
// type, or names none that is legal.
[[nodiscard]] std::optional<std::string> multipart_boundary(std::string_view content_type);

// What a part says of itself (RFC 7578).
struct PartHead {
  std::string name;
  std::optional<std::string> filename;

  bool operator==(const PartHead&) const = default;
};

// Reads the body of a form (RFC 7578 in the framing of RFC 2046) while it arrives: parts in order,
// their bytes as they come. What is found depends on the bytes alone, never on how they were split;
// how a part's bytes are cut into pieces does. Holds one part's header lines and nothing else.
//
//   for each piece of the body: call next() until it says that it needs more;
//   then finish().
class MultipartReader {
 public:
  static constexpr std::size_t header_bytes_max = 8 * 1024;  // of one part
  static constexpr std::size_t parts_max = 64;

  enum class Found : unsigned char {
    more,   // all of the bytes have been taken
    part,   // a part begins: head()
    bytes,  // some of its bytes: text(), good until the next call
    end,    // of the part
  };

  explicit MultipartReader(std::string_view boundary)
      : delimiter_("\r\n--" + std::string(boundary)) {}

  // Takes what it has looked at off `bytes`. Errors: bad_request; nothing is to be asked after one.
  [[nodiscard]] Result<Found> next(std::string_view& bytes);
  // The body has ended. bad_request unless the form has.
  [[nodiscard]] Result<void> finish() const;

  [[nodiscard]] const PartHead& head() const { return head_; }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  // preamble, or the bytes of a part: up to a delimiter; delimited: behind one; head: a part's
  // header lines; epilogue: behind the last delimiter, where nothing counts.
  enum class State : unsigned char { preamble, part, delimited, head, epilogue };

  [[nodiscard]] Result<Found> scan(std::string_view& bytes);
  [[nodiscard]] Result<bool> pass_delimiter_end(std::string_view& bytes);
  [[nodiscard]] Result<bool> read_head(std::string_view& bytes);
  [[nodiscard]] Result<void> take_header(std::string_view line);

  std::string delimiter_;  // CR stands at its beginning and nowhere else
  State state_ = State::preamble;
  std::size_t matched_ = 2;  // so much of the delimiter has been seen; a body may begin with one
  std::string line_;         // the end of a delimiter, or a header line
  std::size_t header_bytes_ = 0;
  std::size_t parts_ = 0;
  bool disposed_ = false;  // the part has told its name
  PartHead head_;
  std::string_view text_;
};

}  // namespace rocket
