#include "schema/allowed_tools.h"

#include <string>
#include <unordered_set>

namespace rocket {
namespace {

// In chat a function's name stands in an object of its own.
std::string name_of(const JsonValue& tool) {
  const auto function = json_find(tool.text, "function");
  const auto name = json_find(function ? function->text : tool.text, "name");
  return name ? name->as_string().value_or("") : "";
}

}  // namespace

bool is_allowed_tools(const JsonValue& choice) {
  if (choice.kind != JsonKind::object) return false;
  const auto type = json_find(choice.text, "type");
  return type && type->string_is("allowed_tools");
}

void allow_tools(const JsonValue& choice, Conversation& conversation, TranslationLoss& loss) {
  const auto inner = json_find(choice.text, "allowed_tools");
  const std::string_view allowed = inner ? inner->text : choice.text;
  const auto mode = json_find(allowed, "mode");
  const auto tools = json_find(allowed, "tools");
  std::unordered_set<std::string> names;
  if (tools && tools->kind == JsonKind::array) {
    for (const JsonValue& tool : json_elements(tools->text))
      names.insert(name_of(tool));
  }
  loss.emulate("tool_choice");
  const auto others = std::erase_if(conversation.tools, [&](const Tool& tool) {
    return tool.name.empty() || !names.contains(tool.name.decoded());
  });
  if (others != 0) loss.emulate("tools");
  const bool required = mode && mode->string_is("required") && !conversation.tools.empty();
  conversation.tool_choice.kind =
      required ? ToolChoice::Kind::required : ToolChoice::Kind::automatic;
}

}  // namespace rocket
