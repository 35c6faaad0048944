#pragma once

#include "schema/conversation.h"
#include "schema/translation_loss.h"

// OpenAI's chat completions, as OpenAI's description and the servers that copy it have them.
namespace rocket {

// Errors: invalid_json with line and column; invalid_field naming the field.
[[nodiscard]] Result<Conversation> read_chat_request(std::string_view body, TranslationLoss& loss);

// The first choice; other dialects have but one. upstream_garbage if the text is no answer.
[[nodiscard]] Result<Answer> read_chat_answer(std::string_view text, TranslationLoss& loss);

// Whether the member of a choice says which of the request's stop sequences has ended it, as vLLM's
// and SGLang's do.
[[nodiscard]] bool names_stop(const JsonMember& member);

}  // namespace rocket
