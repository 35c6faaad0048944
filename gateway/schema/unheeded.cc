#include "schema/unheeded.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace rocket {
namespace {

constexpr std::string_view newer_limit = "max_completion_tokens";
constexpr std::string_view older_limit = "max_tokens";
// All that some row of Quirks names.
constexpr std::array<std::string_view, 5> unheeded{"logit_bias", "top_k", "min_p", "functions",
                                                   "function_call"};

bool says_something(const JsonMember& member) {
  return !Field{member.key, member.value.text}.says_nothing();
}

bool asks_for_json_object(const JsonMember& member) {
  if (!member.key_is("response_format") || member.value.kind != JsonKind::object) return false;
  const auto type = json_find(member.value.text, "type");
  return type && type->string_is("json_object");
}

// Two limits at once are not taken for one: it heeds its own.
std::optional<Edit> limit_edit(std::string_view body, TranslationLoss& loss) {
  std::optional<JsonMember> older;
  std::optional<JsonMember> newer;
  bool twice = false;
  for (const JsonMember& member : json_members(body)) {
    std::optional<JsonMember>* limit = nullptr;
    if (member.key_is(older_limit)) limit = &older;
    if (member.key_is(newer_limit)) limit = &newer;
    if (limit == nullptr) continue;
    twice |= limit->has_value();
    *limit = member;
  }
  if (!newer || !says_something(*newer)) return std::nullopt;
  if (twice || (older && says_something(*older))) {
    loss.drop(newer_limit);
    return std::nullopt;
  }
  // Of two members of a name servers take the last.
  if (older) return Edit{older->value_begin, older->value_end, std::string(newer->value.text)};
  constexpr size_t quotes = 2;
  return Edit{newer->begin, newer->begin + newer->key.size() + quotes,
              '"' + std::string(older_limit) + '"'};
}

void add_role_edits(std::string_view body, std::string_view messages, std::vector<Edit>& edits) {
  if (!may_have_developers(messages)) return;
  for (const JsonValue& message : json_elements(messages)) {
    const auto role = json_find(message.text, "role");
    if (!role || !role->string_is("developer")) continue;
    const auto at = static_cast<size_t>(role->text.data() - body.data());
    edits.push_back({at, at + role->text.size(), "\"system\""});
  }
}

}  // namespace

bool seldom_heeded(const JsonMember& member) {
  if (member.key_is(newer_limit)) return says_something(member);
  if (asks_for_json_object(member)) return true;
  return std::ranges::any_of(unheeded, [&](std::string_view name) {
    return member.key_is(name) && says_something(member);
  });
}

std::vector<Edit> heeded_edits(std::string_view body, const Quirks& quirks, TranslationLoss& loss) {
  std::vector<Edit> edits;
  for (const JsonMember& member : json_members(body)) {
    for (const std::string_view name : quirks.unheeded) {
      if (member.key_is(name) && says_something(member)) loss.drop(name);
    }
    if (!quirks.takes_json_object && asks_for_json_object(member)) {
      loss.emulate("response_format");
      edits.push_back({member.value_begin, member.value_end, std::string(any_object_format)});
    }
    if (!quirks.knows_developers && member.key_is("messages")) {
      add_role_edits(body, member.value.text, edits);
    }
  }
  if (quirks.knows_newer_limit) return edits;
  if (auto edit = limit_edit(body, loss)) edits.push_back(*std::move(edit));
  return edits;
}

}  // namespace rocket
