#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace rocket {

// Which of the lines that are ready wait for their model's turn with their texts in memory, and
// which go back to the plan: of each model as many as may be asked of it once it is its turn, and
// no more than `most` of all. Else one model that refuses, or that nobody can answer, would fill
// the room in which the lines of all others are made ready. One of each pass over them; pure.
class KeptLines {
 public:
  explicit KeptLines(std::size_t most) : most_(most) {}

  // Another line of that model, of which `places` may be asked at once; none: it is held.
  [[nodiscard]] bool keep(std::uint32_t model, std::size_t places) {
    if (kept_ >= most_) return false;
    std::size_t& of_model = by_model_[model];
    if (of_model >= places) return false;
    ++of_model;
    ++kept_;
    return true;
  }

 private:
  std::size_t most_;
  std::size_t kept_ = 0;
  std::unordered_map<std::uint32_t, std::size_t> by_model_;
};

}  // namespace rocket
