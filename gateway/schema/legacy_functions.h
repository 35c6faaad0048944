#pragma once

#include <string_view>

#include "schema/conversation.h"

// How OpenAI's chat completions called functions before there were tools: `functions` and
// `function_call` in a request, one `function_call` in an answer, and messages of the role
// `function`. Clients written then look there for a call, and nowhere else.
namespace rocket {

// Gives calls the ids that they have not, so that each result belongs to its call: of the same
// function there may be several.
class LegacyCalls {
 public:
  // `kept` outlives this, and keeps the ids.
  explicit LegacyCalls(KeptTexts& kept) : kept_(kept) {}

  [[nodiscard]] RawText begin(RawText function);
  // The id of the call that the next result of the function is for; its name, if there is none.
  [[nodiscard]] RawText end(RawText function);

 private:
  KeptTexts& kept_;
  size_t count_ = 0;
  RawText id_{};  // of the call without a result; empty: there is none
  RawText function_{};
};

// Why an answer ends, for such a client.
[[nodiscard]] std::string_view legacy_stop_word(StopReason reason);

}  // namespace rocket
