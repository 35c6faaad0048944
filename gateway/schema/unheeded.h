#pragma once

#include <string_view>
#include <vector>

#include "schema/quirks.h"
#include "schema/splice.h"
#include "schema/translation_loss.h"
#include "wire/json.h"

// For servers that take members of OpenAI's completions without a word and do as if they were not
// there (Quirks::unheeded), or know the limit of an answer by its older name (knows_newer_limit)
// and who tells a model what to do as the system alone (knows_developers), or refuse what can be
// said in another way (takes_json_object).
namespace rocket {

// A response_format that asks for any JSON object, in words that everybody takes who takes a
// schema.
inline constexpr std::string_view any_object_format =
    R"({"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"}}})";

// Whether there is a kind of server that does not heed the member, or refuses it, and something is
// said with it.
[[nodiscard]] bool seldom_heeded(const JsonMember& member);

// Whether a message of `messages` may be a developer's.
[[nodiscard]] inline bool may_have_developers(std::string_view messages) {
  return messages.contains(R"("developer")");
}

// What makes a client's own words such as the server heeds, in no order; the others are lost.
[[nodiscard]] std::vector<Edit> heeded_edits(std::string_view body, const Quirks& quirks,
                                             TranslationLoss& loss);

}  // namespace rocket
