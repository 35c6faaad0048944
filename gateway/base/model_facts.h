#pragma once

#include <cstdint>

namespace rocket {

enum class Telling : unsigned char { none, yes, no };

// What a server tells of one of its models. What it does not tell is not held against it.
struct ModelFacts {
  bool loaded = true;  // in memory; also where the server does not tell
  Telling tools = Telling::none;
  Telling vision = Telling::none;
  std::uint32_t context = 0;  // tokens, prompt and answer together; 0: not told
  std::uint32_t output = 0;   // tokens that an answer may have; 0: not told

  [[nodiscard]] bool operator==(const ModelFacts&) const = default;
  // It is known to lack something, or how much it takes: not every request may fit.
  [[nodiscard]] bool limited() const {
    return tools == Telling::no || vision == Telling::no || context != 0;
  }
};

}  // namespace rocket
