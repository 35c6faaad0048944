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
constexpr std::array<std::string_view, 3> unheeded{"logit_bias", "top_k", "min_p"};

bool says_something(const JsonMember& member) {
  return !Field{member.key, member.value.text}.says_nothing();
}

}  // namespace

bool seldom_heeded(const JsonMember& member) {
  if (member.key_is(newer_limit)) return says_something(member);
  return std::ranges::any_of(unheeded, [&](std::string_view name) {
    return member.key_is(name) && says_something(member);
  });
}

std::vector<Edit> heeded_edits(std::string_view body, const Quirks& quirks, TranslationLoss& loss) {
  std::optional<JsonMember> older;
  std::optional<JsonMember> newer;
  bool twice = false;
  for (const JsonMember& member : json_members(body)) {
    for (const std::string_view name : quirks.unheeded) {
      if (member.key_is(name) && says_something(member)) loss.drop(name);
    }
    if (quirks.knows_newer_limit) continue;
    if (member.key_is(older_limit)) {
      twice |= older.has_value();
      older = member;
    } else if (member.key_is(newer_limit)) {
      twice |= newer.has_value();
      newer = member;
    }
  }
  if (!newer || !says_something(*newer)) return {};
  if (twice || (older && says_something(*older))) {
    loss.drop(newer_limit);
    return {};
  }
  if (older) return {{older->value_begin, older->value_end, std::string(newer->value.text)}};
  constexpr size_t quotes = 2;
  return {{newer->begin, newer->begin + newer->key.size() + quotes,
           '"' + std::string(older_limit) + '"'}};
}

}  // namespace rocket
