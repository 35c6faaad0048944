#pragma once

#include <string>

#include "schema/conversation.h"
#include "schema/translation_loss.h"

namespace rocket {

// A conversation in words, to be compared with what came of it in `target`: two of the same text
// mean the same. What every dialect says in its own way, which is no loss, is said in one way:
// docs/translation.md lists it. What `loss` names is left out.
[[nodiscard]] std::string conversation_text(const Conversation& conversation, Dialect target,
                                            const TranslationLoss& loss);

// The same of an answer.
[[nodiscard]] std::string answer_text(const Answer& answer, Dialect target,
                                      const TranslationLoss& loss);

}  // namespace rocket
