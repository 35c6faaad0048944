#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "schema/dialect.h"

namespace rocket {

// Puts characters together again that a stream has cut in two: a server that passes on token by
// token may end one event's text with half of a surrogate pair and begin the next with the other
// (wire/json_halves). To whoever reads them one by one neither is JSON.
//
// An event whose text ends in a first half waits for the next one, unless it may be the stream's
// last. Two halves in texts under the same key become one character, in the first event; a half
// that finds no other becomes U+FFFD.
class SplitCharacters {
 public:
  explicit SplitCharacters(Dialect from) : from_(from) {}

  // An event waits: the next one is to be mended whatever it is.
  [[nodiscard]] bool waiting() const { return !waiting_.empty(); }
  // What is to be read of an event that has lone halves, or comes while one waits: the texts of
  // events, in order; none, if it has to wait itself. Nothing (a comment) ends no waiting.
  [[nodiscard]] std::vector<std::string> mend(std::string_view data);
  [[nodiscard]] size_t kept_bytes() const { return waiting_.size(); }

 private:
  void join(std::string& next);
  [[nodiscard]] bool has_to_wait(std::string& text) const;

  Dialect from_;
  std::string waiting_;  // of its lone halves only those are left that wait
};

}  // namespace rocket
