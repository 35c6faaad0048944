#pragma once

#include <nlohmann/json_fwd.hpp>

#include "testing/fake_dialect.h"

namespace rocket {

// The answer to a chat or text completion by `model`, streamed or not, as the script's kind of
// server writes it.
[[nodiscard]] FakeAnswer fake_generation(const FakeScript& script, const FakeRequest& request,
                                         const nlohmann::json& body, const std::string& model);

// What passes for the number of tokens in a prompt.
[[nodiscard]] std::uint64_t count_words(const nlohmann::json& prompt);

// The vector of a text, or of tokens: eight numbers that depend on it alone.
[[nodiscard]] nlohmann::ordered_json fake_vector(const nlohmann::json& input);

}  // namespace rocket
