#pragma once

#include "schema/conversation.h"
#include "schema/translation_loss.h"

// OpenAI's `tool_choice` of the type `allowed_tools`: some of the tools, and whether one of them
// has to be called. Others have no word for it; to be shown those tools alone comes to the same.
namespace rocket {

// Whether it is one, in chat's writing ({"type","allowed_tools":{"mode","tools"}}) or that of
// Responses ({"type","mode","tools"}).
[[nodiscard]] bool is_allowed_tools(const JsonValue& choice);

// Leaves the conversation with the tools that `choice` allows; the loss is told.
void allow_tools(const JsonValue& choice, Conversation& conversation, TranslationLoss& loss);

}  // namespace rocket
