#include "schema/parameters.h"

#include <algorithm>
#include <string>

namespace rocket {
namespace {

struct Names {
  std::string_view name;  // ours, for what is lost
  std::string_view chat;
  std::string_view responses;
  std::string_view anthropic;
  std::string_view ollama;
};

// In the order of Parameter. top_k and min_p are no members of OpenAI's, but all local servers
// that speak its dialect know them. Anthropic's user is a member of `metadata`, which its reader
// and writer see to.
constexpr std::array<Names, parameter_count> table{{
    {"max_tokens", "max_tokens", "max_output_tokens", "max_tokens", "num_predict"},
    {"temperature", "temperature", "temperature", "temperature", "temperature"},
    {"top_p", "top_p", "top_p", "top_p", "top_p"},
    {"top_k", "top_k", "", "top_k", "top_k"},
    {"min_p", "min_p", "", "", "min_p"},
    {"seed", "seed", "", "", "seed"},
    {"presence_penalty", "presence_penalty", "", "", "presence_penalty"},
    {"frequency_penalty", "frequency_penalty", "", "", "frequency_penalty"},
    {"user", "user", "user", "", ""},
    {"metadata", "metadata", "metadata", "", ""},
    {"store", "store", "store", "", ""},
    {"service_tier", "service_tier", "service_tier", "", ""},
    {"prompt_cache_key", "prompt_cache_key", "prompt_cache_key", "", ""},
    {"safety_identifier", "safety_identifier", "safety_identifier", "", ""},
}};

std::string_view name_in(const Names& row, Dialect dialect) {
  switch (dialect) {
    case Dialect::chat: return row.chat;
    case Dialect::responses: return row.responses;
    case Dialect::anthropic: return row.anthropic;
    default: return row.ollama;
  }
}

// OpenAI's own names of today.
std::string_view plain_name(Parameter parameter) {
  switch (parameter) {
    case Parameter::max_tokens: return "max_completion_tokens";
    case Parameter::top_k:
    case Parameter::min_p: return {};
    default: return table[static_cast<size_t>(parameter)].chat;
  }
}

// Written by the writer itself, in a place of its own.
bool has_own_place(Dialect dialect, Parameter parameter) {
  return dialect == Dialect::anthropic &&
         (parameter == Parameter::user || parameter == Parameter::max_tokens ||
          parameter == Parameter::temperature || parameter == Parameter::top_p);
}

}  // namespace

std::string_view parameter_name(Dialect dialect, Parameter parameter) {
  return name_in(table[static_cast<size_t>(parameter)], dialect);
}

std::optional<Parameter> find_parameter(Dialect dialect, const JsonMember& member) {
  for (size_t i = 0; i < table.size(); ++i) {
    const std::string_view name = name_in(table[i], dialect);
    if (!name.empty() && member.key_is(name)) return static_cast<Parameter>(i);
  }
  // OpenAI's newer name for it.
  if (dialect == Dialect::chat && member.key_is("max_completion_tokens")) {
    return Parameter::max_tokens;
  }
  return std::nullopt;
}

void write_parameters(ParameterNames names, const Conversation& conversation, JsonPieces& out,
                      TranslationLoss& loss) {
  for (size_t i = 0; i < table.size(); ++i) {
    const auto parameter = static_cast<Parameter>(i);
    const std::string_view value = conversation.parameters[i];
    if (value.empty() || has_own_place(names.dialect, parameter)) continue;
    const bool lowered = parameter == Parameter::max_tokens && names.limit;
    if (lowered && *names.limit == 0) continue;
    if (lowered) loss.emulate(table[i].name);
    std::string_view name = name_in(table[i], names.dialect);
    if (names.dialect == Dialect::chat && !names.additions) name = plain_name(parameter);
    if (std::ranges::find(names.unheeded, name) != names.unheeded.end()) name = {};
    if (!name.empty()) {
      out.key(name).json(lowered ? std::to_string(*names.limit) : value);
    } else if (!Field{table[i].name, value}.says_nothing()) {
      loss.drop(table[i].name);
    }
  }
}

}  // namespace rocket
