#pragma once

#include <cstdint>

#include "schema/conversation.h"

namespace rocket {

// A request that a reader of some dialect could have made, drawn by `seed`: every kind of part in
// every turn that may have it, texts with and without escapes, empty and none, every setting.
[[nodiscard]] Conversation random_conversation(std::uint64_t seed);

// The same of an answer.
[[nodiscard]] Answer random_answer(std::uint64_t seed);

}  // namespace rocket
