#include "schema/chat_settings.h"

#include "schema/unheeded.h"

namespace rocket {
namespace {

// The nearest word that servers other than OpenAI's know.
std::string_view known_effort(RawText effort) {
  if (effort.is("minimal")) return "low";
  return effort.is("xhigh") || effort.is("max") ? "high" : "";
}

}  // namespace

void write_chat_format(const ResponseFormat& format, const RequestFrame& frame, JsonPieces& out,
                       TranslationLoss& loss) {
  using Kind = ResponseFormat::Kind;
  if (format.kind == Kind::unset) return;
  out.key("response_format");
  if (format.kind == Kind::json_object && !frame.takes_json_object) {
    loss.emulate("response_format");
    out.json(any_object_format);
    return;
  }
  out.open('{').key("type");
  if (format.kind != Kind::json_schema) {
    out.quoted(format.kind == Kind::text ? "text" : "json_object").close('}');
    return;
  }
  out.quoted("json_schema").key("json_schema").open('{').key("name");
  out.text(format.name.empty() ? RawText{"answer"} : format.name);
  if (!format.description.empty()) out.key("description").text(format.description);
  if (format.strict) out.key("strict").json(*format.strict ? "true" : "false");
  if (!format.schema.empty()) out.key("schema").json(format.schema);
  out.close('}').close('}');
}

void write_chat_reasoning(const Reasoning& reasoning, const RequestFrame& frame, JsonPieces& out,
                          TranslationLoss& loss) {
  if (!reasoning.summary.empty()) loss.drop("reasoning.summary");
  if (reasoning.kind == Reasoning::Kind::unset || reasoning.kind == Reasoning::Kind::off) {
    // How much of everything else, of which only Anthropic speaks.
    if (!reasoning.effort.empty()) loss.drop("effort");
    if (reasoning.kind == Reasoning::Kind::off) out.key("reasoning_effort").quoted("none");
    return;
  }
  if (!frame.efforts) {
    loss.drop("thinking");
    return;
  }
  if (!reasoning.effort.empty()) {
    const std::string_view nearest = frame.additions ? known_effort(reasoning.effort) : "";
    if (nearest.empty()) {
      out.key("reasoning_effort").text(reasoning.effort);
    } else {
      out.key("reasoning_effort").quoted(nearest);
      loss.emulate("thinking");
    }
    if (!reasoning.budget.empty() || reasoning.kind == Reasoning::Kind::adaptive) {
      loss.drop("thinking");
    }
    return;
  }
  // A budget as the nearest effort.
  const std::int64_t budget = JsonValue{JsonKind::number, reasoning.budget}.as_int().value_or(8192);
  out.key("reasoning_effort").quoted(budget <= 2048 ? "low" : budget <= 8192 ? "medium" : "high");
  loss.emulate("thinking");
}

}  // namespace rocket
