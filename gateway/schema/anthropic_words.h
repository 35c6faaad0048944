#pragma once

#include <string>

#include "wire/json.h"

namespace rocket {

// What a block that only Anthropic has says in words, as it stands between quotes: a search result,
// or a document that is given as blocks. Empty: it says nothing that a text could.
[[nodiscard]] std::string words_of_block(const JsonValue& block);

}  // namespace rocket
