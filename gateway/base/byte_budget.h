#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace rocket {

// How many bytes of bodies all loops together may hold. Shared; outlives every Hold.
class ByteBudget {
 public:
  // Bytes taken out of the budget, given back when destroyed.
  class Hold {
   public:
    Hold() = default;
    Hold(ByteBudget& budget, std::uint64_t bytes) : budget_(&budget), bytes_(bytes) {}
    Hold(Hold&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    // Takes `bytes` more. False, and nothing taken, when the budget would be overdrawn.
    [[nodiscard]] bool extend(ByteBudget& budget, std::uint64_t bytes) {
      if (!budget.take_bytes(bytes)) return false;
      budget_ = &budget;
      bytes_ += bytes;
      return true;
    }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    ~Hold() {
      if (budget_ != nullptr) budget_->held_.fetch_sub(bytes_, std::memory_order_relaxed);
    }

   private:
    ByteBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  explicit ByteBudget(std::uint64_t most) : most_(most) {}

  void set_most(std::uint64_t most) { most_.store(most, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t held() const { return held_.load(std::memory_order_relaxed); }

  // nullopt when the budget would be overdrawn.
  [[nodiscard]] std::optional<Hold> take(std::uint64_t bytes) {
    if (!take_bytes(bytes)) return std::nullopt;
    return Hold(*this, bytes);
  }

 private:
  [[nodiscard]] bool take_bytes(std::uint64_t bytes) {
    const std::uint64_t before = held_.fetch_add(bytes, std::memory_order_relaxed);
    const std::uint64_t most = most_.load(std::memory_order_relaxed);
    if (bytes > most || before > most - bytes) {
      held_.fetch_sub(bytes, std::memory_order_relaxed);
      return false;
    }
    return true;
  }

  std::atomic<std::uint64_t> most_;
  std::atomic<std::uint64_t> held_ = 0;
};

}  // namespace rocket
