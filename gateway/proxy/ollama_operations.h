#pragma once

#include "proxy/operations.h"

namespace rocket {

// What clients of Ollama ask for, over any backend: chats, texts, embeddings, and the lists of
// models that they choose from. What would change a server's models is refused.
void add_ollama_operations(Operations& operations);

}  // namespace rocket
