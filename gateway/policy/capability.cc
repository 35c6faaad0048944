#include "policy/capability.h"

namespace rocket {

Lack lack_of(const ModelFacts& facts, const Needs& needs) {
  constexpr std::uint64_t most_characters_per_token = 32;
  if (needs.images && facts.vision == Telling::no) return Lack::vision;
  if (needs.tools && facts.tools == Telling::no) return Lack::tools;
  if (facts.context == 0) return Lack::none;
  if (needs.characters > facts.context * most_characters_per_token) return Lack::context;
  if (needs.characters > characters_that_fit(facts.context)) return Lack::context_maybe;
  return Lack::none;
}

}  // namespace rocket
