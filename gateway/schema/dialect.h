#pragma once

#include <string_view>

namespace rocket {

// How a conversation is written down: the families of API that clients and upstreams speak.
enum class Dialect : unsigned char {
  chat,       // OpenAI /v1/chat/completions, and what local servers add to it
  responses,  // OpenAI /v1/responses
  anthropic,  // Anthropic /v1/messages
  ollama,     // Ollama /api/chat
  generate,   // Ollama /api/generate
};

// As it stands in logs: "anthropic".
[[nodiscard]] std::string_view to_string(Dialect dialect);

// Ollama's own API, of which /api/generate is the form with one turn.
[[nodiscard]] constexpr bool is_ollama(Dialect dialect) {
  return dialect == Dialect::ollama || dialect == Dialect::generate;
}

}  // namespace rocket
