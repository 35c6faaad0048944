#include "schema/responses_items.h"

#include "schema/citations.h"
#include "schema/sealed_thoughts.h"

namespace rocket {

std::string_view responses_item_type(Part::Kind kind) {
  switch (kind) {
    case Part::Kind::text:
    case Part::Kind::refusal: return "message";
    case Part::Kind::thinking:
    case Part::Kind::redacted_thinking: return "reasoning";
    case Part::Kind::tool_call: return "function_call";
    default: return {};
  }
}

bool responses_item_has_parts(Part::Kind kind) {
  return kind != Part::Kind::tool_call && kind != Part::Kind::redacted_thinking;
}

std::string_view responses_item_prefix(Part::Kind kind) {
  switch (kind) {
    case Part::Kind::thinking:
    case Part::Kind::redacted_thinking: return "rs";
    case Part::Kind::tool_call: return "fc";
    default: return "msg";
  }
}

void write_responses_part(const Part& part, JsonPieces& out) {
  if (part.kind == Part::Kind::refusal) {
    out.open('{').key("type").quoted("refusal").key("refusal").text(part.text).close('}');
    return;
  }
  out.open('{').key("type").quoted("output_text").key("text").text(part.text);
  out.key("annotations").open('[');
  write_annotations(Dialect::responses, part.citations, part.text, 0, out);
  out.close(']').key("logprobs").json("[]").close('}');
}

void write_responses_item(const Part& part, const ResponsesItem& item, JsonPieces& out) {
  out.open('{').key("type").quoted(responses_item_type(part.kind)).key("id").quoted(item.id);
  switch (part.kind) {
    case Part::Kind::thinking:
    case Part::Kind::redacted_thinking:
      out.key("summary").json("[]").key("content").open('[');
      if (!item.begun && part.kind == Part::Kind::thinking) {
        out.open('{').key("type").quoted("reasoning_text").key("text").text(part.text).close('}');
      }
      out.close(']');
      if (!item.begun && is_sealed(part)) write_seal(part, out.key("encrypted_content"));
      break;
    case Part::Kind::tool_call:
      out.key("call_id");
      if (part.id.empty()) {
        out.quoted(item.call_id);
      } else {
        out.text(part.id);
      }
      out.key("name").text(part.name);
      out.key("arguments").quoted(item.begun ? "" : part.arguments);
      break;
    default:
      out.key("role").quoted("assistant").key("content").open('[');
      if (!item.begun) write_responses_part(part, out);
      out.close(']');
  }
  out.key("status").quoted(item.status).close('}');
}

}  // namespace rocket
