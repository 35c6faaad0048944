#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rocket {

// The answer to /v1/embeddings, which is a JSON object, with base64 of 32-bit floats, least
// significant byte first, for every vector that is a list of numbers: as it was asked for, of a
// server that gives nothing but lists (LM Studio), to clients that take whatever comes for base64
// (openai for Node: it makes zeros of a list). Nothing: there is no list, or it is not one of
// numbers that fit.
[[nodiscard]] std::optional<std::string> vectors_in_base64(std::string_view answer);

}  // namespace rocket
