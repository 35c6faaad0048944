#include "schema/ollama_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "schema/media.h"
#include "schema/parameters.h"
#include "schema/shown_tools.h"

namespace rocket {
namespace {

// A message has one text, some images and some calls; parts are brought into this form.
struct Message {
  std::vector<RawText> thinking;
  std::vector<RawText> texts;
  std::vector<const Part*> images;
  std::vector<const Part*> calls;
};

class MessageWriter {
 public:
  enum class Of : unsigned char { request, answer };
  MessageWriter(Dialect from, Of of, JsonPieces& out, TranslationLoss& loss)
      : from_(from), of_(of), out_(out), loss_(loss) {}

  [[nodiscard]] Message gather(const std::vector<Part>& parts) {
    Message message;
    for (const Part& part : parts) {
      if (!is_ollama(from_)) loss_.drop(part.extra);
      if (!part.citations.empty()) loss_.drop("citations");
      take(part, message);
    }
    return message;
  }

  void write_members(const Message& message, std::string_view id) {
    out_.key("content");
    write_texts(message.texts);
    if (!message.thinking.empty()) {
      out_.key("thinking");
      write_joined(message.thinking, "thinking");
    }
    if (!message.images.empty()) {
      out_.key("images").open('[');
      for (const Part* image : message.images)
        out_.text(image->media.data);
      out_.close(']');
    }
    if (!message.calls.empty()) write_calls(message.calls, id);
  }

  // The texts of an answer are one text in pieces: what quotes something else is a piece by itself.
  void write_texts(const std::vector<RawText>& texts) {
    write_joined(texts, "content", of_ == Of::answer ? "" : "\\n");
  }

  void write_joined(const std::vector<RawText>& texts, std::string_view what,
                    std::string_view between = "\\n") {
    if (texts.size() > 1) loss_.emulate(what);
    out_.begin_text();
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i != 0) out_.add_text(between);
      out_.add_text(texts[i].inside);
    }
    out_.end_text();
  }

 private:
  void take(const Part& part, Message& message) {
    switch (part.kind) {
      case Part::Kind::refusal: loss_.emulate("refusal"); [[fallthrough]];
      case Part::Kind::text:
        if (!message.calls.empty() && !part.text.empty()) loss_.emulate("order");
        if (!part.text.empty()) message.texts.push_back(part.text);
        break;
      case Part::Kind::thinking:
        if (!part.signature.empty()) loss_.drop("thinking.signature");
        if (!message.texts.empty() || !message.calls.empty()) loss_.emulate("order");
        message.thinking.push_back(part.text);
        break;
      case Part::Kind::redacted_thinking: loss_.drop("redacted_thinking"); break;
      case Part::Kind::image:
        if (part.media.source == Media::Source::base64) {
          if (!part.detail.empty() && !part.detail.is("auto")) loss_.drop("detail");
          message.images.push_back(&part);
        } else {
          loss_.drop(part.media.source == Media::Source::url ? "image_url" : "image");
        }
        break;
      case Part::Kind::document:
        if (part.media.source == Media::Source::text) {
          loss_.emulate("document");
          message.texts.push_back(part.media.data);
        } else {
          loss_.drop("document");
        }
        break;
      case Part::Kind::tool_call: message.calls.push_back(&part); break;
      case Part::Kind::tool_result: break;
      case Part::Kind::foreign:
        if (part.text.empty()) {
          loss_.drop(foreign_type(part.json));
        } else {
          loss_.emulate(foreign_type(part.json));
          message.texts.push_back(part.text);
        }
    }
  }

  void write_calls(const std::vector<const Part*>& calls, std::string_view id) {
    out_.key("tool_calls").open('[');
    size_t n = 0;
    for (const Part* call : calls) {
      out_.open('{').key("id");
      if (call->id.empty()) {
        out_.quoted(fmt::format("call_{}_{}", id, n));
      } else {
        out_.text(call->id);
      }
      out_.key("function").open('{').key("index").json(fmt::format("{}", n++));
      out_.key("name").text(call->name).key("arguments").json(call->arguments);
      out_.close('}').close('}');
    }
    out_.close(']');
  }

  Dialect from_;
  Of of_;
  JsonPieces& out_;
  TranslationLoss& loss_;
};

class RequestWriter {
 public:
  RequestWriter(const Conversation& conversation, const RequestFrame& frame, TranslationLoss& loss)
      : conversation_(conversation),
        frame_(frame),
        loss_(loss),
        messages_(conversation.dialect, MessageWriter::Of::request, out_, loss) {}

  [[nodiscard]] JsonPieces write() {
    out_.open('{').key("model");
    if (frame_.model.empty()) {
      out_.text(conversation_.model);
    } else {
      out_.quoted(frame_.model);
    }
    out_.key("stream").json(conversation_.stream ? "true" : "false");
    write_reasoning();
    write_format();
    write_tools();
    write_options();
    write_extra(false);
    if (!conversation_.verbosity.empty()) loss_.drop("verbosity");
    out_.key("messages").open('[');
    size_t n = 0;
    for (const Turn& turn : conversation_.turns)
      write_turn(turn, n++);
    out_.close(']').close('}');
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool same() const { return is_ollama(conversation_.dialect); }

  void write_extra(bool options) {
    if (!same() && !options) loss_.drop(conversation_.extra);
    for (const Field& field : conversation_.extra) {
      if (!same() || field.within.empty() == options) continue;
      // Of what /api/generate has for itself nothing has a meaning here.
      const bool chat =
          options || conversation_.dialect == Dialect::ollama || field.key == "keep_alive";
      if (chat) {
        out_.field(field);
      } else {
        loss_.drop({field});
      }
    }
  }

  void write_options() {
    out_.key("options").open('{');
    write_parameters({Dialect::ollama}, conversation_, out_, loss_);
    if (!conversation_.stop.empty()) {
      out_.key("stop").open('[');
      for (const RawText& one : conversation_.stop)
        out_.text(one);
      out_.close(']');
    }
    write_extra(true);
    out_.close('}');
  }

  void write_reasoning() {
    const Reasoning& reasoning = conversation_.reasoning;
    const bool thinks =
        reasoning.kind == Reasoning::Kind::on || reasoning.kind == Reasoning::Kind::adaptive;
    if (!thinks && !reasoning.effort.empty()) loss_.drop("effort");
    if (reasoning.kind == Reasoning::Kind::unset) return;
    out_.key("think");
    if (reasoning.kind == Reasoning::Kind::off) {
      out_.json("false");
    } else if (!reasoning.effort.empty()) {
      out_.text(reasoning.effort);
    } else {
      out_.json("true");
    }
    if (!reasoning.budget.empty() || reasoning.kind == Reasoning::Kind::adaptive) {
      loss_.emulate("thinking");
    }
  }

  void write_format() {
    const ResponseFormat& format = conversation_.format;
    if (format.kind == ResponseFormat::Kind::json_object) out_.key("format").quoted("json");
    if (format.kind != ResponseFormat::Kind::json_schema) return;
    if (!format.description.empty()) loss_.drop("response_format.description");
    out_.key("format");
    if (format.schema.empty()) {
      out_.quoted("json");
    } else {
      out_.json(format.schema);
    }
  }

  void write_tools() {
    const ShownTools shown = shown_tools(conversation_, loss_);
    if (conversation_.tools.empty() || !shown.any) return;
    out_.key("tools").open('[');
    for (const Tool& tool : conversation_.tools) {
      if (!tool.json.empty()) {
        loss_.drop("tools." + foreign_type(tool.json));
        continue;
      }
      if (!shown.contain(tool.name)) continue;
      if (tool.strict.value_or(false)) loss_.drop("tools.strict");
      out_.open('{').key("type").quoted("function").key("function").open('{');
      out_.key("name").text(tool.name);
      if (!tool.description.empty()) out_.key("description").text(tool.description);
      out_.key("parameters");
      out_.json(tool.schema.empty() ? R"({"type":"object","properties":{}})" : tool.schema);
      if (!same()) loss_.drop(tool.extra);
      out_.close('}').close('}');
    }
    out_.close(']');
  }

  void write_turn(const Turn& turn, size_t n) {
    if (turn.role == Role::tool) {
      for (const Part& part : turn.parts)
        write_result(part);
      return;
    }
    if (!turn.name.empty()) loss_.drop("messages.name");
    const bool system = turn.role == Role::system || turn.role == Role::developer;
    out_.open('{').key("role");
    out_.quoted(system ? "system" : turn.role == Role::assistant ? "assistant" : "user");
    messages_.write_members(messages_.gather(turn.parts), fmt::format("{}", n));
    write_extra_of(turn.extra);
    out_.close('}');
    for (const Part& part : turn.parts) {
      if (part.kind == Part::Kind::tool_call) calls_.push_back(&part);
    }
  }

  void write_extra_of(const std::vector<Field>& extra) {
    if (!same()) loss_.drop(extra);
    for (const Field& field : extra) {
      if (same()) out_.field(field);
    }
  }

  void write_result(const Part& result) {
    RawText name = result.name;
    const auto call = std::ranges::find_if(
        calls_, [&](const Part* one) { return one->id.inside == result.id.inside; });
    if (name.empty() && call != calls_.end()) name = (*call)->name;
    std::vector<RawText> texts;
    for (const Part& part : result.content) {
      if (part.kind == Part::Kind::text) {
        if (!part.text.empty()) texts.push_back(part.text);
        if (!same()) loss_.drop(part.extra);
      } else if (part.kind == Part::Kind::foreign && !part.text.empty()) {
        loss_.emulate(foreign_type(part.json));
        texts.push_back(part.text);
      } else if (part.kind == Part::Kind::document && part.media.source == Media::Source::text) {
        loss_.emulate("document");
        texts.push_back(part.media.data);
      } else {
        const bool image = part.kind == Part::Kind::image;
        loss_.drop(image ? "tool_result.image" : "tool_result.content");
      }
    }
    if (result.failed) loss_.drop("tool_result.is_error");
    out_.open('{').key("role").quoted("tool").key("content");
    messages_.write_joined(texts, "tool_result.content");
    if (!name.empty()) out_.key("tool_name").text(name);
    out_.key("tool_call_id").text(result.id);
    write_extra_of(result.extra);
    out_.close('}');
  }

  const Conversation& conversation_;
  const RequestFrame& frame_;
  TranslationLoss& loss_;
  JsonPieces out_;
  MessageWriter messages_;
  std::vector<const Part*> calls_;  // so far
};

}  // namespace

JsonPieces write_ollama_request(const Conversation& conversation, const RequestFrame& frame,
                                TranslationLoss& loss) {
  return RequestWriter(conversation, frame, loss).write();
}

void append_durations(Duration total, Duration first_token, std::string& out) {
  if (total == Duration::zero()) return;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, R"("total_duration":{},)", total.count());
  if (first_token == Duration::zero()) return;
  fmt::format_to(to, R"("prompt_eval_duration":{},"eval_duration":{},)", first_token.count(),
                 (total - first_token).count());
}

JsonPieces write_ollama_answer(Dialect dialect, const Answer& answer, const AnswerFrame& frame,
                               TranslationLoss& loss) {
  JsonPieces out;
  MessageWriter writer(answer.dialect, MessageWriter::Of::answer, out, loss);
  Message message = writer.gather(answer.parts);
  out.open('{').key("model");
  if (answer.model.empty()) {
    out.quoted(frame.model);
  } else {
    out.text(answer.model);
  }
  out.key("created_at").quoted(frame.created_at);
  if (dialect == Dialect::generate) {
    out.key("response");
    writer.write_texts(message.texts);
    if (!message.thinking.empty()) {
      out.key("thinking");
      writer.write_joined(message.thinking, "thinking");
    }
    if (!message.calls.empty()) loss.drop("tool_calls");
  } else {
    out.key("message").open('{').key("role").quoted("assistant");
    writer.write_members(message, frame.id);
    out.close('}');
  }
  std::string usage;
  append_durations(frame.elapsed, {}, usage);
  write_usage(Dialect::ollama, answer.usage, usage);
  out.key("done").json("true").key("done_reason").quoted(stop_word(dialect, answer.stop));
  out.json(usage).close('}');
  return out;
}

}  // namespace rocket
