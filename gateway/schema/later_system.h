#pragma once

#include <span>
#include <vector>

#include "schema/conversation.h"
#include "schema/translation_loss.h"

// Templates of models that people run themselves have one place for what the system says: in front
// of all else. What it says later, as coding agents let it, they refuse (Qwen, Mistral) or leave
// out without a word (gpt-oss).
namespace rocket {

// A developer is the system, too, to such models.
[[nodiscard]] bool is_of_system(const Turn& turn);

// The turns behind those in front: what the system says is said by the user, in one turn with what
// he says beside it, as others want the sides to alternate (Gemma).
[[nodiscard]] std::vector<Turn> said_by_user(std::span<const Turn> turns, TranslationLoss& loss);

}  // namespace rocket
