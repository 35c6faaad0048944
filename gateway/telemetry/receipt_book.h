#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "telemetry/receipt.h"

namespace rocket {

// One loop's receipts: those of requests under way, and of those that ended last. There are places
// for so many and never more: a new request takes the place of the one that ended longest ago.
// Memory that has never been needed is not touched.
class ReceiptBook {
 public:
  explicit ReceiptBook(std::size_t places)
      : places_(places),
        memory_(std::make_unique_for_overwrite<Place[]>(places)),
        next_(places, none) {}
  ReceiptBook(const ReceiptBook&) = delete;
  ReceiptBook& operator=(const ReceiptBook&) = delete;
  ~ReceiptBook() = default;

  [[nodiscard]] std::size_t places() const { return places_; }

  // Null: each place is taken by a request under way.
  [[nodiscard]] Receipt* open(const Receipt::Begin& begin) {
    std::uint32_t index = none;
    if (used_ < places_) {
      index = static_cast<std::uint32_t>(used_++);
    } else if (oldest_ != none) {
      index = oldest_;
      oldest_ = next_[index];
      if (oldest_ == none) newest_ = none;
    } else {
      return nullptr;
    }
    auto* const receipt = new (memory_[index].bytes) Receipt(begin);
    receipt->sequence = ++sequence_;
    return receipt;
  }

  // The request is over: its receipt can be found until its place is needed.
  void close(Receipt& receipt) {
    receipt.under_way = false;
    const auto index =
        static_cast<std::uint32_t>(reinterpret_cast<Place*>(&receipt) - memory_.get());
    next_[index] = none;
    (newest_ == none ? oldest_ : next_[newest_]) = index;
    newest_ = index;
  }

  // Of several with that id the one that began last; null: none.
  [[nodiscard]] const Receipt* find(std::string_view id) const {
    const Receipt* found = nullptr;
    for (std::size_t i = 0; i < used_; ++i) {
      const Receipt* const one = std::launder(reinterpret_cast<const Receipt*>(memory_[i].bytes));
      if (one->id() != id) continue;
      if (found == nullptr || found->sequence < one->sequence) found = one;
    }
    return found;
  }

 private:
  struct Place {
    alignas(Receipt) std::byte bytes[sizeof(Receipt)];
  };
  static constexpr std::uint32_t none = UINT32_MAX;

  std::size_t places_;
  std::size_t used_ = 0;
  std::uint64_t sequence_ = 0;
  std::unique_ptr<Place[]> memory_;
  // Those that have ended, from the one that did longest ago on.
  std::vector<std::uint32_t> next_;
  std::uint32_t oldest_ = none;
  std::uint32_t newest_ = none;
};

}  // namespace rocket
