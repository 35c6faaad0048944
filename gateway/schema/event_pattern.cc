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

std::optional<std::string_view> EventPattern::text_of(std::string_view data) const {
  if (around_.empty() || data.size() <= around_.size()) return std::nullopt;
  const std::string_view text = data.substr(before_, data.size() - around_.size());
  if (std::memcmp(data.data(), around_.data(), before_) != 0 ||
      std::memcmp(text.data() + text.size(), around_.data() + before_, around_.size() - before_) !=
          0 ||
      !json_string_valid(text)) {
    return std::nullopt;
  }
  return text;
}

}  // namespace rocket
