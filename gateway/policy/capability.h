#pragma once

#include <cstdint>

#include "base/model_facts.h"

namespace rocket {

// What a request needs of a model.
struct Needs {
  bool tools = false;
  bool images = false;
  std::uint64_t characters = 0;  // of its prompt, those of images left out; 0: not known
};

enum class Lack : unsigned char {
  none,
  context_maybe,  // the prompt is hardly going to fit
  context,        // it can not
  tools,
  vision,
};

// What a model is known to lack for a request; what is not known is never held against it.
//
// Nobody but the model's own tokenizer knows how many tokens a prompt has. Text has three to six
// characters to the token; only a wall of blanks comes to more than 32, so that is where a prompt
// can not fit, and from 8 on it is not expected to.
[[nodiscard]] Lack lack_of(const ModelFacts& facts, const Needs& needs);

// So many characters surely fit into `context` tokens; nobody need count more exactly.
[[nodiscard]] constexpr std::uint64_t characters_that_fit(std::uint32_t context) {
  constexpr std::uint64_t likely_characters_per_token = 8;
  return context * likely_characters_per_token;
}

}  // namespace rocket
