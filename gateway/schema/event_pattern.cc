#include "schema/event_pattern.h"

#include <cstring>

#include "base/assert.h"
#include "wire/json_string.h"

namespace rocket {

void EventPattern::remember(std::string_view data, std::string_view text) {
  ROCKET_ASSERT(text.data() > data.data() && text.data() + text.size() < data.data() + data.size());
  if (data.size() - text.size() > bytes_max) return;
  before_ = static_cast<size_t>(text.data() - data.data());
  // The quotes on both sides belong to what has to be the same: no text can reach beyond them.
  ROCKET_ASSERT(data[before_ - 1] == '"' && data[before_ + text.size()] == '"');
  around_.assign(data.substr(0, before_));
  around_ += data.substr(before_ + text.size());
}

bool EventPattern::matches(std::string_view data) const {
  if (around_.empty() || data.size() <= around_.size()) return false;
  const size_t text_bytes = data.size() - around_.size();
  const char* const text = data.data() + before_;
  return std::memcmp(data.data(), around_.data(), before_) == 0 &&
         std::memcmp(text + text_bytes, around_.data() + before_, around_.size() - before_) == 0 &&
         json_string_valid({text, text_bytes});
}

}  // namespace rocket
