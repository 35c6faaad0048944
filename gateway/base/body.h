#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/byte_budget.h"

namespace rocket {

// A whole message body in one buffer, paid for out of the byte budget. When the length is known
// the buffer is exact and written once; otherwise it doubles as bytes arrive.
class Body {
 public:
  Body() = default;

  [[nodiscard]] std::string_view text() const { return {bytes_.get(), size_}; }
  [[nodiscard]] size_t size() const { return size_; }

  // Room for `capacity` bytes in all. False when the budget has no room for them.
  [[nodiscard]] bool reserve(ByteBudget& budget, size_t capacity) {
    if (capacity <= capacity_) return true;
    auto hold = budget.take(capacity);
    if (!hold) return false;
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    hold_ = std::move(*hold);
    capacity_ = capacity;
    return true;
  }

  // Appends, growing if need be. False when the budget has no room.
  [[nodiscard]] bool append(ByteBudget& budget, std::string_view bytes) {
    if (size_ + bytes.size() > capacity_ &&
        !reserve(budget, std::max({size_ + bytes.size(), capacity_ * 2, size_t{1024}}))) {
      return false;
    }
    if (!bytes.empty()) std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return true;
  }

 private:
  ByteBudget::Hold hold_;
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace rocket
