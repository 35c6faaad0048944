#include "testing/fake_messages_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "testing/fake_generation.h"

namespace rocket {
namespace {

using Json = nlohmann::json;

// The member of that name; null if there is none.
Json member(const Json& object, const char* name) {
  return object.is_object() ? object.value(name, Json()) : Json();
}

bool has_cache_control(const Json& json) {
  if (json.is_object() && json.contains("cache_control")) return true;
  return json.is_structured() && std::ranges::any_of(json, has_cache_control);
}

bool forces_a_tool(const Json& body) {
  const Json type = member(member(body, "tool_choice"), "type");
  return type == "tool" || type == "any";
}

// The tool that has to be called; empty: there is no such tool.
std::string forced_tool(const Json& body) {
  if (!forces_a_tool(body)) return {};
  const Json asked = member(member(body, "tool_choice"), "name");
  for (const Json& tool : member(body, "tools")) {
    const Json name = member(tool, "name");
    if (name.is_string() && (asked.is_null() || name == asked)) return name.get<std::string>();
  }
  return {};
}

std::string problem_of_thinking(const Json& body) {
  const Json thinking = member(body, "thinking");
  if (member(thinking, "type") != "enabled") return {};
  const Json budget = member(thinking, "budget_tokens");
  const Json limit = member(body, "max_tokens");
  if (!budget.is_number_integer()) return "thinking.enabled.budget_tokens: Field required";
  if (budget < 1024) {
    return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
  }
  if (limit.is_number() && limit <= budget) {
    return "`max_tokens` must be greater than `thinking.budget_tokens`.";
  }
  if (forces_a_tool(body)) return "Thinking may not be enabled when tool_choice forces tool use.";
  return {};
}

std::string problem_of_limit(const Json& limit) {
  if (limit.is_null()) return "max_tokens: Field required";
  if (!limit.is_number_integer()) return "max_tokens: Input should be a valid integer";
  return limit < 1 ? "max_tokens: Input should be greater than or equal to 1" : "";
}

std::string problem_of_messages(const Json& messages) {
  if (messages.is_null()) return "messages: Field required";
  if (!messages.is_array()) return "messages: Input should be a valid list";
  return messages.empty() ? "messages: at least one message is required" : "";
}

// What is wrong with a request; empty: nothing.
std::string problem_of(const Json& body, bool counting) {
  const Json model = member(body, "model");
  if (model.is_null()) return "model: Field required";
  if (!model.is_string()) return "model: Input should be a valid string";
  std::string problem = counting ? std::string() : problem_of_limit(member(body, "max_tokens"));
  if (problem.empty()) problem = problem_of_messages(member(body, "messages"));
  if (problem.empty()) problem = problem_of_thinking(body);
  if (!problem.empty()) return problem;
  const bool missing = forces_a_tool(body) && forced_tool(body).empty();
  return missing ? "tool_choice: no such tool was found in `tools`" : "";
}

}  // namespace

Result<MessagesRequest> read_messages_request(const Json& body, bool counting) {
  std::string problem = problem_of(body, counting);
  if (!problem.empty()) return fail(ErrorCode::invalid_field, std::move(problem));
  const Json thinking = member(body, "thinking");
  const Json type = member(thinking, "type");
  return MessagesRequest{
      .model = body["model"].get<std::string>(),
      .max_tokens = counting ? 0 : body["max_tokens"].get<std::uint64_t>(),
      .prompt_tokens = count_words(member(body, "system")) + count_words(member(body, "tools")) +
                       count_words(body["messages"]),
      .stream = member(body, "stream") == true,
      .cached = has_cache_control(body),
      .thinks = type == "enabled" || type == "adaptive",
      .hides_thoughts = member(thinking, "display") == "omitted",
      .forced_tool = forced_tool(body),
  };
}

}  // namespace rocket
