#pragma once

#include <nlohmann/json_fwd.hpp>

#include "testing/fake_dialect.h"

// What a fake of Ollama says through Ollama's own API, but for its models (fake_inventory). As
// Ollama's documentation and official clients have it (docs/api.md of 0.17).
namespace rocket {

// Whether that path of Ollama's own API asks for tokens or vectors.
[[nodiscard]] bool is_native_inference(std::string_view path);

// The answer of `model` to a request for one of those paths, streamed or not.
[[nodiscard]] FakeAnswer fake_native(const FakeScript& script, const FakeRequest& request,
                                     const nlohmann::json& body, const std::string& model);

// An error that the layer of OpenAI's API would tell, in the words of this one.
void write_native_error(FakeAnswer& answer);

}  // namespace rocket
