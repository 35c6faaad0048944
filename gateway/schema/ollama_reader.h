#pragma once

#include "schema/conversation.h"
#include "schema/translation_loss.h"

// Ollama's own API as its api/types.go has it: /api/chat, and /api/generate, which is a chat of
// one turn.
namespace rocket {

// `dialect` is ollama or generate. Calls without ids, as older clients send them, get some, and
// their results the same. Errors: invalid_json with line and column; invalid_field naming the
// field.
[[nodiscard]] Result<Conversation> read_ollama_request(Dialect dialect, std::string_view body,
                                                       TranslationLoss& loss);

// upstream_garbage if the text is no answer that is whole.
[[nodiscard]] Result<Answer> read_ollama_answer(std::string_view text);

}  // namespace rocket
