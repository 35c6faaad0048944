#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/byte_budget.h"

namespace rocket {

// A whole message body in one buffer, paid for out of the byte budget as its bytes arrive: a
// length that is only announced costs nothing. The buffer of an announced body is exact and
// never copied, up to a size beyond which announcing is not enough: whoever has sent that much gets
// a buffer for the rest, into which it is moved once. Otherwise it doubles.
class Body {
 public:
  Body() = default;

  [[nodiscard]] std::string_view text() const { return {bytes_.get(), size_}; }
  [[nodiscard]] size_t size() const { return size_; }

  // How long the body will be, if that is known. Costs nothing yet.
  void expect(size_t bytes) { expected_ = bytes; }

  // False when the budget has no room.
  [[nodiscard]] bool append(ByteBudget& budget, std::string_view bytes) {
    if (bytes.empty()) return true;
    const size_t needed = size_ + bytes.size();
    if (needed > paid_) {
      const size_t pay = std::max(needed, std::min(paid_ + step, expected_)) - paid_;
      if (!hold_.extend(budget, pay)) return false;
      paid_ += pay;
    }
    if (needed > capacity_) grow(needed);
    std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    size_ = needed;
    return true;
  }

 private:
  static constexpr size_t step = 64 * 1024;
  // Memory that is not written to is not there yet, but it counts against the address space.
  static constexpr size_t announced_max = 16 * 1024 * 1024;

  void grow(size_t needed) {
    size_t capacity = std::max({needed, capacity_ * 2, size_t{1024}});
    if (expected_ >= needed) {
      capacity = capacity_ == 0 ? std::max(needed, std::min(expected_, announced_max)) : expected_;
    }
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  ByteBudget::Hold hold_;
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t paid_ = 0;
  size_t expected_ = 0;
};

}  // namespace rocket
