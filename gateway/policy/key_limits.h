#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>

#include "policy/rate_limit.h"

namespace rocket {

// What a key may do at most; absent: as much as it likes. Never 0.
struct KeyLimitSettings {
  std::optional<std::uint32_t> requests_per_minute;
  std::optional<std::uint32_t> tokens_per_minute;
  std::optional<std::uint32_t> concurrent;

  [[nodiscard]] bool operator==(const KeyLimitSettings&) const = default;
};

// How much of its limits one key has used. Shared by all loops; kept over a reload that leaves
// the key as it is. Outlives every Hold.
class KeyLimits {
 public:
  explicit KeyLimits(const KeyLimitSettings& settings);
  KeyLimits(const KeyLimits&) = delete;
  KeyLimits& operator=(const KeyLimits&) = delete;

  // One request under way: a place among the concurrent ones, given back by the destructor, and
  // the tokens reserved for it, which settle() turns into those that it used.
  class Hold {
   public:
    Hold(Hold&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), tokens_(other.tokens_) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(tokens_, other.tokens_);
      return *this;
    }
    ~Hold() {
      if (limits_ != nullptr) limits_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
    }
    // Once. Without it the reservation stands for what was used.
    void settle(std::uint64_t tokens, TimePoint now) {
      if (limits_->tokens_) limits_->tokens_->settle(tokens_, tokens, now);
    }

   private:
    friend class KeyLimits;
    Hold(KeyLimits& limits, RateLimit::Taken tokens) : limits_(&limits), tokens_(tokens) {}

    KeyLimits* limits_;
    RateLimit::Taken tokens_;
  };

  enum class Limit : unsigned char { requests, tokens, concurrent };
  struct Refusal {
    Limit limit;
    Duration wait;  // until it can be worth asking again; 0: when another request ends
  };

  // Lets a request begin that is expected to use so many tokens. A refused one takes nothing.
  [[nodiscard]] std::expected<Hold, Refusal> take(std::uint64_t tokens, TimePoint now);

  [[nodiscard]] const KeyLimitSettings& settings() const { return settings_; }
  // Absent: not limited.
  [[nodiscard]] std::optional<RateLimit::State> requests(TimePoint now) const;
  [[nodiscard]] std::optional<RateLimit::State> tokens(TimePoint now) const;
  [[nodiscard]] std::uint32_t in_flight() const {
    return in_flight_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] bool take_place();

  const KeyLimitSettings settings_;
  std::optional<RateLimit> requests_;
  std::optional<RateLimit> tokens_;
  std::atomic<std::uint32_t> in_flight_ = 0;
};

}  // namespace rocket
