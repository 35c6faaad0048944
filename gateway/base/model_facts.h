#pragma once

#include <cstdint>

namespace rocket {

enum class Telling : unsigned char { none, yes, no };

// How a model thinks, as far as its provider tells.
struct ThinkingFacts {
  bool adaptive = false;  // as much as it finds right, more or less by an effort
  bool xhigh = false;     // knows that effort, between high and max
  bool always = false;    // can not be told to leave it

  [[nodiscard]] bool operator==(const ThinkingFacts&) const = default;
};

// What a server tells of one of its models. What it does not tell is not held against it.
struct ModelFacts {
  bool loaded = true;  // in memory; also where the server does not tell
  Telling tools = Telling::none;
  Telling vision = Telling::none;
  std::uint32_t context = 0;  // tokens, prompt and answer together; 0: not told
  std::uint32_t output = 0;   // tokens that an answer may have; 0: not told
  ThinkingFacts thinking{};

  [[nodiscard]] bool operator==(const ModelFacts&) const = default;
  // It is known to lack something, or how much it takes: not every request may fit.
  [[nodiscard]] bool limited() const {
    return tools == Telling::no || vision == Telling::no || context != 0;
  }
};

}  // namespace rocket
