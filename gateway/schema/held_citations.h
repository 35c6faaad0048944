#pragma once

#include <string>
#include <vector>

#include "schema/conversation.h"

namespace rocket {

// The citations of a text that is still being said. Those of Anthropic's are of all of it, so that
// they can be told in OpenAI's words only once it is over; all of them are kept until then.
class HeldCitations {
 public:
  // Errors: upstream_too_large, if they are more than are kept.
  [[nodiscard]] Result<void> add(const Citation& citation);
  [[nodiscard]] bool empty() const { return held_.empty(); }
  // Valid until one is added or all are let go.
  [[nodiscard]] Citation operator[](size_t index) const;
  [[nodiscard]] size_t size() const { return held_.size(); }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  void clear();

 private:
  // What annotations say of it.
  struct Held {
    Citation::Kind kind;
    std::string source;
    std::string title;
    std::string file;
    std::string which;
    std::optional<TextSpan> span;
  };
  static constexpr size_t bytes_max = size_t{1} << 20U;

  std::vector<Held> held_;
  size_t bytes_ = 0;
};

}  // namespace rocket
