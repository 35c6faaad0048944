#pragma once

#include <string_view>

#include "schema/conversation.h"
#include "schema/json_pieces.h"

namespace rocket {

// The items that a response is made of, as values of JSON.

// What a part of an answer becomes: "message", "reasoning" or "function_call"; empty: nothing.
[[nodiscard]] std::string_view responses_item_type(Part::Kind kind);
// Whether its item has parts of its own, which texts are said in.
[[nodiscard]] bool responses_item_has_parts(Part::Kind kind);
// "msg", "rs" or "fc": how the ids of its items begin.
[[nodiscard]] std::string_view responses_item_prefix(Part::Kind kind);

// A part of a message's content: output_text, with what is told of where it is from, or refusal.
void write_responses_part(const Part& part, JsonPieces& out);

struct ResponsesItem {
  std::string_view id{};
  std::string_view status{};   // in_progress, completed or incomplete
  std::string_view call_id{};  // of a function_call that has none of its own
  bool begun = false;          // without what it is yet to say
};
void write_responses_item(const Part& part, const ResponsesItem& item, JsonPieces& out);

}  // namespace rocket
