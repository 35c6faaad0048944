#include "schema/responses_writer.h"

#include <fmt/format.h>

#include "schema/citations.h"
#include "schema/media.h"
#include "schema/parameters.h"
#include "schema/responses_items.h"
#include "schema/sealed_thoughts.h"
#include "schema/shown_tools.h"

namespace rocket {
namespace {

// Also of the echo, which says what is not set as well.
void write_tool(const Tool& tool, JsonPieces& out) {
  out.open('{').key("type").quoted("function").key("name").text(tool.name);
  if (!tool.description.empty()) out.key("description").text(tool.description);
  out.key("parameters").json(tool.schema.empty() ? "null" : tool.schema);
  out.key("strict").json(tool.strict.value_or(false) ? "true" : "false");
}

void write_tool_choice(const ToolChoice& choice, JsonPieces& out) {
  using Kind = ToolChoice::Kind;
  switch (choice.kind) {
    case Kind::none: out.quoted("none"); break;
    case Kind::required: out.quoted("required"); break;
    case Kind::function:
      out.open('{').key("type").quoted("function").key("name").text(choice.name).close('}');
      break;
    default: out.quoted("auto");
  }
}

void write_text(const Conversation& conversation, JsonPieces& out) {
  using Kind = ResponseFormat::Kind;
  const ResponseFormat& format = conversation.format;
  out.open('{').key("format").open('{').key("type");
  if (format.kind == Kind::json_schema) {
    out.quoted("json_schema").key("name");
    out.text(format.name.empty() ? RawText{"answer"} : format.name);
    if (!format.description.empty()) out.key("description").text(format.description);
    out.key("schema").json(format.schema.empty() ? "{}" : format.schema);
    if (format.strict) out.key("strict").json(*format.strict ? "true" : "false");
  } else {
    out.quoted(format.kind == Kind::json_object ? "json_object" : "text");
  }
  out.close('}');
  if (!conversation.verbosity.empty()) out.key("verbosity").text(conversation.verbosity);
  out.close('}');
}

class RequestWriter {
 public:
  RequestWriter(const Conversation& conversation, const RequestFrame& frame, TranslationLoss& loss)
      : conversation_(conversation), frame_(frame), loss_(loss) {}

  [[nodiscard]] JsonPieces write() {
    out_.open('{').key("model");
    if (frame_.model.empty()) {
      out_.text(conversation_.model);
    } else {
      out_.quoted(frame_.model);
    }
    if (conversation_.stream) out_.key("stream").json("true");
    write_parameters({Dialect::responses}, conversation_, out_, loss_);
    if (!conversation_.stop.empty()) loss_.drop("stop");
    write_reasoning();
    if (conversation_.format.kind != ResponseFormat::Kind::unset ||
        !conversation_.verbosity.empty()) {
      out_.key("text");
      write_text(conversation_, out_);
    }
    write_tools();
    write_extra(conversation_.extra);
    out_.key("input").open('[');
    for (const Turn& turn : conversation_.turns)
      write_turn(turn);
    out_.close(']').close('}');
    return std::move(out_);
  }

 private:
  void write_extra(const std::vector<Field>& extra) {
    if (conversation_.dialect != Dialect::responses) {
      loss_.drop(extra);
      return;
    }
    for (const Field& field : extra)
      out_.field(field);
  }

  void write_reasoning() {
    using Kind = Reasoning::Kind;
    const Reasoning& reasoning = conversation_.reasoning;
    const bool thinks = reasoning.kind == Kind::on || reasoning.kind == Kind::adaptive;
    if (!thinks && !reasoning.effort.empty()) loss_.drop("effort");
    if (reasoning.kind == Kind::unset && reasoning.summary.empty()) return;
    out_.key("reasoning").open('{');
    if (reasoning.kind == Kind::off) {
      out_.key("effort").quoted("none");
    } else if (thinks && !reasoning.effort.empty()) {
      out_.key("effort").text(reasoning.effort);
    } else if (reasoning.kind == Kind::on) {
      out_.key("effort").quoted("medium");
    }
    if (!reasoning.summary.empty()) out_.key("summary").text(reasoning.summary);
    const bool exact =
        reasoning.kind == Kind::off || (reasoning.kind == Kind::on && !reasoning.effort.empty());
    if (reasoning.kind != Kind::unset && (!exact || !reasoning.budget.empty())) {
      loss_.emulate("thinking");
    }
    out_.close('}');
  }

  void write_tools() {
    if (!conversation_.tools.empty()) {
      out_.key("tools").open('[');
      for (const Tool& tool : conversation_.tools) {
        if (!tool.json.empty()) {
          if (conversation_.dialect == Dialect::responses) {
            out_.json(tool.json);
          } else {
            loss_.drop("tools." + foreign_type(tool.json));
          }
          continue;
        }
        write_tool(tool, out_);
        write_extra(tool.extra);
        out_.close('}');
      }
      out_.close(']');
    }
    if (conversation_.dialect != Dialect::responses && chooses_own_tool(conversation_)) {
      loss_.drop("tool_choice");
    } else if (conversation_.tool_choice.kind != ToolChoice::Kind::unset) {
      out_.key("tool_choice");
      write_tool_choice(conversation_.tool_choice, out_);
    }
    if (conversation_.parallel_tools) {
      out_.key("parallel_tool_calls").json(*conversation_.parallel_tools ? "true" : "false");
    }
  }

  void write_turn(const Turn& turn) {
    if (!turn.name.empty()) loss_.drop("messages.name");
    if (conversation_.dialect != Dialect::responses) loss_.drop(turn.extra);
    if (turn.role == Role::tool) {
      for (const Part& part : turn.parts)
        write_result(part);
      return;
    }
    if (turn.role != Role::assistant) {
      const std::string_view role = turn.role == Role::system      ? "system"
                                    : turn.role == Role::developer ? "developer"
                                                                   : "user";
      write_message(role, turn.parts);
      return;
    }
    std::vector<Part> said;
    for (const Part& part : turn.parts) {
      const bool message = responses_item_type(part.kind) == "message";
      if (!message && !said.empty()) write_message("assistant", std::exchange(said, {}));
      if (message) {
        said.push_back(part);
      } else {
        write_item(part);
      }
    }
    if (!said.empty()) write_message("assistant", said);
  }

  void write_message(std::string_view role, const std::vector<Part>& parts) {
    out_.open('{').key("type").quoted("message").key("role").quoted(role).key("content").open('[');
    for (const Part& part : parts)
      write_part(part, role == "assistant" ? "output_text" : "input_text");
    out_.close(']').close('}');
  }

  void write_item(const Part& part) {
    switch (part.kind) {
      case Part::Kind::tool_call:
        out_.open('{').key("type").quoted("function_call").key("call_id").text(part.id);
        out_.key("name").text(part.name).key("arguments").quoted(part.arguments).close('}');
        if (conversation_.dialect != Dialect::responses) loss_.drop(part.extra);
        break;
      case Part::Kind::thinking:
      case Part::Kind::redacted_thinking: write_thinking(part); break;
      case Part::Kind::foreign:
        if (conversation_.dialect == Dialect::responses) {
          out_.json(part.json);
        } else {
          loss_.drop(foreign_type(part.json));
        }
        break;
      default: loss_.drop(part.kind == Part::Kind::image ? "image" : "document");
    }
  }

  // Sealed for another provider it says nothing.
  void write_thinking(const Part& part) {
    const bool own = conversation_.dialect == Dialect::responses;
    const bool redacted = part.kind == Part::Kind::redacted_thinking;
    if (!own && is_sealed(part)) loss_.drop(redacted ? "redacted_thinking" : "thinking.signature");
    if (!own && redacted) return;
    out_.open('{').key("type").quoted("reasoning").key("id");
    out_.quoted(fmt::format("rs_{}", items_++)).key("summary").open('[');
    if (!redacted) {
      out_.open('{').key("type").quoted("summary_text").key("text").text(part.text).close('}');
    }
    out_.close(']');
    if (own && is_sealed(part)) write_seal(part, out_.key("encrypted_content"));
    write_extra(part.extra);
    out_.close('}');
  }

  void write_foreign(const Part& part, std::string_view text_type) {
    if (conversation_.dialect == Dialect::responses) {
      out_.json(part.json);
    } else if (part.text.empty()) {
      loss_.drop(foreign_type(part.json));
    } else {
      loss_.emulate(foreign_type(part.json));
      write_part({.text = part.text}, text_type);
    }
  }

  void write_part(const Part& part, std::string_view text_type) {
    switch (part.kind) {
      case Part::Kind::text:
        out_.open('{').key("type").quoted(text_type).key("text").text(part.text);
        write_citations(part);
        break;
      case Part::Kind::refusal:
        out_.open('{').key("type").quoted("refusal").key("refusal").text(part.text);
        break;
      case Part::Kind::image: write_image(part); break;
      case Part::Kind::document:
        if (part.media.source == Media::Source::text) {
          loss_.emulate("document");
          out_.open('{').key("type").quoted(text_type).key("text").text(part.media.data);
        } else {
          write_file(part);
        }
        break;
      default:
        if (part.kind == Part::Kind::foreign) write_foreign(part, text_type);
        return;
    }
    write_extra(part.extra);
    out_.close('}');
  }

  void write_citations(const Part& part) {
    if (part.citations.empty()) return;
    const std::vector<Citation> told =
        told_citations(part, {conversation_.dialect, Dialect::responses, false, loss_});
    out_.key("annotations").open('[');
    write_annotations(Dialect::responses, told, part.text, 0, out_);
    out_.close(']');
  }

  // Each of these is left open for what else the part has.
  void write_image(const Part& part) {
    out_.open('{').key("type").quoted("input_image");
    if (part.media.source == Media::Source::file) {
      out_.key("file_id").text(part.media.data);
    } else {
      out_.key("image_url");
      write_media_url(part.media, out_);
    }
    if (!part.detail.empty()) out_.key("detail").text(part.detail);
  }
  void write_file(const Part& part) {
    const Media::Source source = part.media.source;
    out_.open('{').key("type").quoted("input_file");
    if (!part.name.empty()) out_.key("filename").text(part.name);
    out_.key(source == Media::Source::file  ? "file_id"
             : source == Media::Source::url ? "file_url"
                                            : "file_data");
    write_media_url(part.media, out_);
  }

  void write_result(const Part& result) {
    if (result.failed) loss_.drop("tool_result.is_error");
    if (conversation_.dialect != Dialect::responses) loss_.drop(result.extra);
    out_.open('{').key("type").quoted("function_call_output").key("call_id").text(result.id);
    out_.key("output");
    const Part* const text = only_text(result.content);
    if (text != nullptr && (conversation_.dialect != Dialect::responses || text->extra.empty())) {
      write_extra(text->extra);
      out_.text(text->text);
    } else {
      out_.open('[');
      for (const Part& part : result.content)
        write_part(part, "input_text");
      out_.close(']');
    }
    out_.close('}');
  }

  const Conversation& conversation_;
  const RequestFrame& frame_;
  TranslationLoss& loss_;
  JsonPieces out_;
  size_t items_ = 0;
};

}  // namespace

JsonPieces write_responses_request(const Conversation& conversation, const RequestFrame& frame,
                                   TranslationLoss& loss) {
  return RequestWriter(conversation, frame, loss).write();
}

std::string write_responses_echo(const Conversation& conversation, bool stored) {
  JsonPieces out;
  const auto given = [&](Parameter which, std::string_view otherwise) {
    const std::string_view value = conversation.parameter(which);
    return value.empty() ? otherwise : value;
  };
  const Reasoning& reasoning = conversation.reasoning;
  out.key("background").json("false").key("instructions");
  out.json(conversation.instructions.empty() ? "null" : conversation.instructions);
  out.key("max_output_tokens").json(given(Parameter::max_tokens, "null"));
  out.key("metadata").json(given(Parameter::metadata, "{}"));
  out.key("parallel_tool_calls");
  out.json(conversation.parallel_tools.value_or(true) ? "true" : "false");
  out.key("previous_response_id");
  if (conversation.previous.empty()) {
    out.json("null");
  } else {
    out.text(conversation.previous);
  }
  out.key("reasoning").open('{').key("effort");
  if (reasoning.effort.empty()) {
    out.json(reasoning.kind == Reasoning::Kind::off ? "\"none\"" : "null");
  } else {
    out.text(reasoning.effort);
  }
  out.key("summary");
  if (reasoning.summary.empty()) {
    out.json("null");
  } else {
    out.text(reasoning.summary);
  }
  out.close('}').key("service_tier").json("\"default\"").key("store");
  out.json(stored ? "true" : "false");
  out.key("temperature").json(given(Parameter::temperature, "1"));
  out.key("top_p").json(given(Parameter::top_p, "1"));
  out.key("text");
  write_text(conversation, out);
  out.key("tool_choice");
  write_tool_choice(conversation.tool_choice, out);
  out.key("tools").open('[');
  for (const Tool& tool : conversation.tools) {
    if (!tool.json.empty()) continue;
    write_tool(tool, out);
    out.close('}');
  }
  out.close(']').key("truncation").quoted("disabled");
  if (!given(Parameter::user, {}).empty()) out.key("user").json(given(Parameter::user, {}));
  return out.joined();
}

void write_response_head(const ResponseState& state, RawText model, const AnswerFrame& frame,
                         JsonPieces& out) {
  out.open('{').key("id").quoted(fmt::format("resp_{}", frame.id));
  out.key("object").quoted("response").key("created_at").json(fmt::format("{}", frame.created));
  out.key("status").quoted(state.status).key("error");
  if (state.error.empty()) {
    out.json("null");
  } else {
    out.open('{').key("code").quoted("server_error").key("message").quoted(state.error).close('}');
  }
  out.key("incomplete_details");
  if (state.incomplete.empty()) {
    out.json("null");
  } else {
    out.open('{').key("reason").quoted(state.incomplete).close('}');
  }
  out.key("model");
  if (model.empty()) {
    out.quoted(frame.model);
  } else {
    out.text(model);
  }
}

void write_response_tail(const TokenUsage* usage, const AnswerFrame& frame, JsonPieces& out) {
  out.json(frame.echo).key("usage");
  std::string text = "null";
  if (usage != nullptr) {
    text.clear();
    write_usage(Dialect::responses, *usage, text);
  }
  out.json(text).close('}');
}

JsonPieces write_responses_answer(const Answer& answer, const AnswerFrame& frame,
                                  TranslationLoss& loss) {
  JsonPieces out;
  const std::string_view word = stop_word(Dialect::responses, answer.stop);
  const bool incomplete = word != "completed";
  const std::string_view status = incomplete ? "incomplete" : "completed";
  write_response_head({status, incomplete ? word : ""}, answer.model, frame, out);
  out.key("output").open('[');
  size_t n = 0;
  for (const Part& part : answer.parts) {
    if (answer.dialect != Dialect::responses) loss.drop(part.extra);
    if (responses_item_type(part.kind).empty()) {
      loss.drop(part.kind == Part::Kind::foreign ? foreign_type(part.json) : "content");
      continue;
    }
    if (part.kind != Part::Kind::tool_call && part.text.empty() && !is_sealed(part)) {
      if (!part.citations.empty()) loss.drop("citations");
      continue;
    }
    Part told = part;
    told.citations = told_citations(part, {answer.dialect, Dialect::responses, true, loss});
    const std::string id = fmt::format("{}_{}_{}", responses_item_prefix(part.kind), frame.id, n);
    const std::string call_id = fmt::format("call_{}_{}", frame.id, n);
    write_responses_item(told, {id, status, call_id}, out);
    ++n;
  }
  out.close(']');
  write_response_tail(&answer.usage, frame, out);
  return out;
}

}  // namespace rocket
