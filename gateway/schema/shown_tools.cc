#include "schema/shown_tools.h"

#include <algorithm>

#include "wire/json.h"

namespace rocket {
namespace {

// What a client says of its tools, and how they are called.
struct Said {
  ToolChoice choice{};
  bool parallel = true;
  std::vector<RawText> names{};  // of a tool that is no function: empty
};

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
  if (kind != Kind::function || said.choice.name.empty()) return {};
  const ShownTools one{.any = true, .only = said.choice.name};
  const auto shown =
      std::ranges::count_if(said.names, [&](RawText name) { return one.contain(name); });
  if (shown == 0) return {};
  if (static_cast<size_t>(shown) != said.names.size()) loss.emulate("tools");
  return one;
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

}  // namespace

bool ShownTools::contain(RawText name) const {
  if (!any) return false;
  if (only.empty() || only.inside == name.inside) return true;
  // An escape is six times as long at most as what it stands for. What is longer is another, and
  // is not to be decoded for each of many tools.
  constexpr size_t longest_escape = 6;
  return only.inside.size() <= longest_escape * name.inside.size() && name.is(only.decoded());
}

ShownTools shown_tools(const Conversation& conversation, TranslationLoss& loss) {
  Said said{.choice = conversation.tool_choice,
            .parallel = conversation.parallel_tools.value_or(true)};
  for (const Tool& tool : conversation.tools)
    said.names.push_back(tool.name);
  return heed(said, loss);
}

std::vector<Edit> shown_tools_edits(std::string_view body, TranslationLoss& loss) {
  Said said;
  std::vector<std::string_view> tools;
  Edit edit;
  for (const JsonMember& member : json_members(body)) {
    if (member.key_is("tool_choice")) {
      said.choice = read_choice(member.value, loss);
    } else if (member.key_is("parallel_tool_calls")) {
      said.parallel = member.value.as_bool().value_or(true);
    } else if (member.key_is("tools") && member.value.kind == JsonKind::array) {
      edit = {member.value_begin, member.value_end, "["};
      for (const JsonValue& tool : json_elements(member.value.text)) {
        tools.push_back(tool.text);
        said.names.push_back(name_of(tool.text));
      }
    }
  }
  const ShownTools shown = heed(said, loss);
  if (shown.any && shown.only.empty()) return {};
  for (size_t i = 0; i < tools.size(); ++i) {
    if (!shown.contain(said.names[i])) continue;
    if (edit.text.size() > 1) edit.text += ',';
    edit.text += tools[i];
  }
  edit.text += ']';
  return {std::move(edit)};
}

}  // namespace rocket
