#pragma once

#include <cstdint>

#include "schema/conversation.h"

namespace rocket {

// About how many tokens a request has, for whom nobody can count: four characters to a token, as
// English has with most tokenizers, and a flat price for an image. Never 0.
[[nodiscard]] std::int64_t estimate_tokens(const Conversation& conversation);

}  // namespace rocket
