#include "schema/conversation.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rocket {
namespace {

template <class T>
size_t shell_of(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

size_t memory_of(const std::vector<Part>& parts) {
  size_t bytes = shell_of(parts);
  for (const Part& part : parts)
    bytes += shell_of(part.extra) + shell_of(part.citations) + memory_of(part.content);
  return bytes;
}

}  // namespace

size_t memory_of(const Conversation& conversation) {
  size_t bytes = shell_of(conversation.turns) + shell_of(conversation.tools) +
                 shell_of(conversation.stop) + shell_of(conversation.extra) +
                 conversation.kept.memory();
  for (const Turn& turn : conversation.turns)
    bytes += shell_of(turn.extra) + memory_of(turn.parts);
  for (const Tool& tool : conversation.tools)
    bytes += shell_of(tool.extra);
  return bytes;
}

bool Field::says_nothing() const {
  if (json == "null" || json == "false" || json == "\"\"") return true;
  // However little it says, it asks for a search.
  if (json_decodes_to(key, "web_search_options")) return false;
  // Who calls a tool, if that is the model itself.
  if (json_decodes_to(key, "caller")) {
    const auto type = json_find(json, "type");
    if (type && type->string_is("direct")) return true;
  }
  if (json.starts_with('{')) return json_members(json).begin() == std::default_sentinel;
  if (json.starts_with('[') && json_elements(json).begin() == std::default_sentinel) return true;
  // What is so anyway.
  constexpr std::pair<std::string_view, std::string_view> usual[] = {
      {"n", "1"},
      {"modalities", R"(["text"])"},
      {"top_logprobs", "0"},
      {"service_tier", R"("auto")"},
      {"truncation", R"("disabled")"},
  };
  return std::ranges::any_of(usual, [&](const auto& one) {
    return json == one.second && json_decodes_to(key, one.first);
  });
}

void add_turn(std::vector<Turn>& turns, Turn turn) {
  if (turn.role == Role::tool && !turns.empty() && turns.back().role == Role::tool) {
    auto& parts = turns.back().parts;
    parts.insert(parts.end(), std::make_move_iterator(turn.parts.begin()),
                 std::make_move_iterator(turn.parts.end()));
    return;
  }
  turns.push_back(std::move(turn));
}

bool has_part(const std::vector<Part>& parts, Part::Kind kind) {
  return std::ranges::find(parts, kind, &Part::kind) != parts.end();
}

const Part* only_text(const std::vector<Part>& parts) {
  if (parts.size() != 1) return nullptr;
  const Part& part = parts.front();
  return part.kind == Part::Kind::text ? &part : nullptr;
}

std::string foreign_type(std::string_view json) {
  const auto type = json_find(json, "type");
  return type ? type->as_string().value_or("part") : "part";
}

}  // namespace rocket
