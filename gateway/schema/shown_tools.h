#pragma once

#include <string_view>
#include <vector>

#include "schema/conversation.h"
#include "schema/splice.h"
#include "schema/translation_loss.h"

// For servers that let a model call whatever tools it is shown, as it likes (Quirks::steers_tools):
// what a client says of that is heeded as far as showing fewer tools goes. That none is called can
// be had, by showing none. That one is called can not: the model may answer in words, even if it is
// shown no other; nor that it calls one at a time.
namespace rocket {

struct ShownTools {
  bool any = true;
  RawText only{};  // not empty: none but this

  [[nodiscard]] bool contain(RawText name) const;
};

// The tool that has to be called is one that only the conversation's own dialect has: where others
// are not shown it, they can not be told to call it.
[[nodiscard]] bool chooses_own_tool(const Conversation& conversation);

// What of a conversation's tools is shown; the loss is told what that comes to.
[[nodiscard]] ShownTools shown_tools(const Conversation& conversation, TranslationLoss& loss);

// The same for the body of a chat completion: what has to be changed in it.
[[nodiscard]] std::vector<Edit> shown_tools_edits(std::string_view body, TranslationLoss& loss);

// For servers that heed all of that but take no name for `tool_choice` (Quirks::names_tools): where
// a certain function has to be called, it alone is shown, and some has to be called.
[[nodiscard]] ShownTools named_tool(const Conversation& conversation, TranslationLoss& loss);
[[nodiscard]] std::vector<Edit> named_tool_edits(std::string_view body, TranslationLoss& loss);

}  // namespace rocket
