#include "schema/shown_tools.h"

#include <algorithm>
#include <optional>

#include "wire/json.h"

namespace rocket {
namespace {

// What a client says of its tools, and how they are called.
struct Said {
  ToolChoice choice{};
  bool parallel = true;
  std::vector<RawText> names{};  // of a tool that is no function: empty
};

Said said_in(const Conversation& conversation) {
  Said said{.choice = conversation.tool_choice,
            .parallel = conversation.parallel_tools.value_or(true)};
  for (const Tool& tool : conversation.tools)
    said.names.push_back(tool.name);
  return said;
}

// The function that has to be called and no other, if it is among the tools; else all of them.
ShownTools only_chosen(const Said& said, TranslationLoss& loss) {
  if (said.choice.kind != ToolChoice::Kind::function || said.choice.name.empty()) return {};
  const ShownTools one{.any = true, .only = said.choice.name};
  const auto shown =
      std::ranges::count_if(said.names, [&](RawText name) { return one.contain(name); });
  if (shown == 0) return {};
  if (static_cast<size_t>(shown) != said.names.size()) loss.emulate("tools");
  return one;
}

ShownTools heed(const Said& said, TranslationLoss& loss) {
  using Kind = ToolChoice::Kind;
  if (!said.parallel) loss.drop("parallel_tool_calls");
  const Kind kind = said.choice.kind;
  if (kind == Kind::required || kind == Kind::function) loss.drop("tool_choice");
  if (said.names.empty()) return {};
  if (kind == Kind::none) {
    loss.emulate("tool_choice");
    loss.emulate("tools");
    return {.any = false};
  }
  return only_chosen(said, loss);
}

ShownTools heed_name(const Said& said, TranslationLoss& loss) {
  TranslationLoss fewer;
  const ShownTools shown = only_chosen(said, fewer);
  if (!shown.only.empty()) loss.emulate("tool_choice");
  loss.add(fewer);
  return shown;
}

// None but functions can be named.
RawText name_of(std::string_view object) {
  const auto function = json_find(object, "function");
  const auto name = function ? json_find(function->text, "name") : std::nullopt;
  return name ? raw_text(*name) : RawText{};
}

ToolChoice read_choice(const JsonValue& value, TranslationLoss& loss) {
  using Kind = ToolChoice::Kind;
  if (value.is_null() || value.string_is("auto")) return {.kind = Kind::automatic};
  if (value.string_is("none")) return {.kind = Kind::none};
  if (value.string_is("required")) return {.kind = Kind::required};
  const RawText name = name_of(value.text);
  if (!name.empty()) return {.kind = Kind::function, .name = name};
  loss.drop("tool_choice");
  return {};
}

// What a body says of tools, and where.
struct ToolMembers {
  Said said;
  std::optional<JsonMember> choice;
  std::optional<JsonMember> list;
};

ToolMembers read_members(std::string_view text, TranslationLoss& loss) {
  ToolMembers found;
  for (const JsonMember& member : json_members(text)) {
    if (member.key_is("tool_choice")) {
      found.choice = member;
      found.said.choice = read_choice(member.value, loss);
    } else if (member.key_is("parallel_tool_calls")) {
      found.said.parallel = member.value.as_bool().value_or(true);
    } else if (member.key_is("tools") && member.value.kind == JsonKind::array) {
      found.list = member;
      for (const JsonValue& tool : json_elements(member.value.text))
        found.said.names.push_back(name_of(tool.text));
    }
  }
  return found;
}

Edit list_edit(const JsonMember& list, const ShownTools& shown) {
  Edit edit{list.value_begin, list.value_end, "["};
  for (const JsonValue& tool : json_elements(list.value.text)) {
    if (!shown.contain(name_of(tool.text))) continue;
    if (edit.text.size() > 1) edit.text += ',';
    edit.text += tool.text;
  }
  edit.text += ']';
  return edit;
}

}  // namespace

bool ShownTools::contain(RawText name) const {
  if (!any) return false;
  if (only.empty() || only.inside == name.inside) return true;
  // An escape is six times as long at most as what it stands for. What is longer is another, and
  // is not to be decoded for each of many tools.
  constexpr size_t longest_escape = 6;
  return only.inside.size() <= longest_escape * name.inside.size() && name.is(only.decoded());
}

bool chooses_own_tool(const Conversation& conversation) {
  const ToolChoice& choice = conversation.tool_choice;
  if (choice.kind != ToolChoice::Kind::function) return false;
  const std::string chosen = choice.name.decoded();
  return std::ranges::any_of(conversation.tools, [&](const Tool& tool) {
    const auto name = tool.json.empty() ? std::nullopt : json_find(tool.json, "name");
    return name && name->string_is(chosen);
  });
}

ShownTools shown_tools(const Conversation& conversation, TranslationLoss& loss) {
  return heed(said_in(conversation), loss);
}

ShownTools named_tool(const Conversation& conversation, TranslationLoss& loss) {
  return heed_name(said_in(conversation), loss);
}

std::vector<Edit> shown_tools_edits(std::string_view body, TranslationLoss& loss) {
  const ToolMembers read = read_members(body, loss);
  const ShownTools shown = heed(read.said, loss);
  if (!read.list || (shown.any && shown.only.empty())) return {};
  return {list_edit(*read.list, shown)};
}

std::vector<Edit> named_tool_edits(std::string_view body, TranslationLoss& loss) {
  TranslationLoss its_own;  // what it does not know it refuses itself
  const ToolMembers read = read_members(body, its_own);
  const ShownTools shown = heed_name(read.said, loss);
  if (!read.list || !read.choice || shown.only.empty()) return {};
  return {list_edit(*read.list, shown),
          {read.choice->value_begin, read.choice->value_end, "\"required\""}};
}

}  // namespace rocket
