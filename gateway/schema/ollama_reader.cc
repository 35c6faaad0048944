#include "schema/ollama_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/stable_split.h"
#include "schema/media.h"
#include "schema/parameters.h"
#include "schema/request_faults.h"
#include "schema/tool_arguments.h"

namespace rocket {
namespace {

Field field_of(const JsonMember& member) {
  return {member.key, member.value.text};
}

// Base64; what some clients put in front of it is left out.
Part read_image(const JsonValue& value) {
  Part part{.kind = Part::Kind::image, .media = media_of_url(raw_text(value))};
  part.media.source = Media::Source::base64;
  return part;
}

Part read_call(const JsonValue& value, Reading& reading) {
  Part part{.kind = Part::Kind::tool_call, .arguments = "{}"};
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key_is("id")) part.id = raw_text(member.value);
    if (!member.key_is("function")) continue;
    for (const JsonMember& one : json_members(member.value.text)) {
      if (one.key_is("name")) part.name = raw_text(one.value);
      if (!one.key_is("arguments")) continue;
      if (one.value.kind == JsonKind::object) {
        part.arguments = one.value.text;
        continue;
      }
      const auto text = one.value.as_string();
      MendedArguments mended = mend_arguments(text ? *text : std::string(one.value.text));
      if (mended.mended) reading.loss.emulate("tool_calls.arguments");
      part.arguments = reading.kept.keep(std::move(mended.object));
    }
  }
  return part;
}

struct Message {
  std::optional<Role> role;
  RawText call_id;
  RawText tool_name;
  std::vector<Part> parts;
  std::vector<Field> extra;
};

std::optional<Role> role_of(const JsonValue& value) {
  if (value.string_is("user")) return Role::user;
  if (value.string_is("assistant")) return Role::assistant;
  if (value.string_is("system")) return Role::system;
  if (value.string_is("tool")) return Role::tool;
  return std::nullopt;
}

// Parts come in the order in which they were thought of, wherever they stand.
void gather(Message& message, RawText thinking, RawText content, std::vector<Part> others) {
  if (!thinking.empty()) {
    message.parts.push_back({.kind = Part::Kind::thinking, .text = thinking});
  }
  if (!content.empty() || others.empty()) message.parts.push_back({.text = content});
  stable_split(others, [](const Part& part) { return part.kind == Part::Kind::image; });
  message.parts.insert(message.parts.end(), std::make_move_iterator(others.begin()),
                       std::make_move_iterator(others.end()));
}

Message read_message(const JsonValue& value, Reading& reading) {
  Message message;
  RawText content;
  RawText thinking;
  std::vector<Part> others;
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key_is("role")) {
      message.role = role_of(member.value);
    } else if (member.key_is("content")) {
      content = reading.faults.text(member.value, "messages.content");
    } else if (member.key_is("thinking")) {
      thinking = raw_text(member.value);
    } else if (member.key_is("images")) {
      for (const JsonValue& one : json_elements(member.value.text))
        others.push_back(read_image(one));
    } else if (member.key_is("tool_calls")) {
      for (const JsonValue& one : json_elements(member.value.text))
        others.push_back(read_call(one, reading));
    } else if (member.key_is("tool_name") || member.key_is("name")) {
      message.tool_name = raw_text(member.value);
    } else if (member.key_is("tool_call_id")) {
      message.call_id = raw_text(member.value);
    } else {
      message.extra.push_back(field_of(member));
    }
  }
  gather(message, thinking, content, std::move(others));
  return message;
}

// Which calls have no result yet.
class OpenCalls {
 public:
  explicit OpenCalls(KeptTexts& kept) : kept_(kept) {}

  void add(Part& call) {
    if (call.id.empty()) call.id = {kept_.keep(fmt::format("call_{}", made_++))};
    if (open_.size() == open_max) open_.erase(open_.begin());
    open_.push_back({call.id, call.name});
  }
  // The id of the call that a result without one belongs to: of that name, else the oldest.
  [[nodiscard]] RawText take(RawText name) {
    auto found = std::ranges::find_if(
        open_, [&](const Call& call) { return call.name.inside == name.inside; });
    if (found == open_.end()) found = open_.begin();
    if (found == open_.end()) return {kept_.keep(fmt::format("call_{}", made_++))};
    const RawText id = found->id;
    open_.erase(found);
    return id;
  }
  void close(RawText id) {
    std::erase_if(open_, [&](const Call& call) { return call.id.inside == id.inside; });
  }

 private:
  struct Call {
    RawText id;
    RawText name;
  };
  // More are not called at once; and each result looks through all of them.
  static constexpr size_t open_max = 256;

  KeptTexts& kept_;
  std::vector<Call> open_;
  size_t made_ = 0;
};

class RequestReader {
 public:
  RequestReader(Conversation& conversation, TranslationLoss& loss)
      : conversation_(conversation),
        reading_{conversation.kept, faults_, loss},
        calls_(conversation.kept) {}

  void take(const JsonMember& member) {
    const bool generate = conversation_.dialect == Dialect::generate;
    const JsonValue& value = member.value;
    if (member.key_is("model")) {
      conversation_.model = faults_.text(value, "model");
    } else if (!generate && member.key_is("messages")) {
      take_messages(value);
    } else if (generate && member.key_is("prompt")) {
      prompt_ = faults_.text(value, "prompt");
    } else if (generate && member.key_is("system")) {
      system_ = faults_.text(value, "system");
    } else if (generate && member.key_is("images")) {
      for (const JsonValue& one : json_elements(faults_.list(value, "images")))
        images_.push_back(read_image(one));
    } else if (member.key_is("stream")) {
      conversation_.stream = faults_.flag(value, "stream").value_or(true);
    } else if (member.key_is("tools")) {
      take_tools(value);
    } else if (member.key_is("format")) {
      take_format(value);
    } else if (member.key_is("think")) {
      take_think(value);
    } else if (member.key_is("options")) {
      take_options(value);
    } else if (!member.key_is("backend")) {
      conversation_.extra.push_back(field_of(member));
    }
  }

  [[nodiscard]] Result<void> finish() {
    if (conversation_.dialect == Dialect::generate) {
      if (!system_.empty()) {
        conversation_.turns.push_back({.role = Role::system, .parts = {Part{.text = system_}}});
      }
      // Without a prompt it asks for nothing but that the model be loaded.
      if (!prompt_.empty() || !images_.empty()) {
        Turn turn{.role = Role::user, .parts = {Part{.text = prompt_}}};
        turn.parts.insert(turn.parts.end(), std::make_move_iterator(images_.begin()),
                          std::make_move_iterator(images_.end()));
        conversation_.turns.push_back(std::move(turn));
      }
    }
    return faults_.result();
  }

 private:
  void take_messages(const JsonValue& value) {
    for (const JsonValue& one : json_elements(faults_.list(value, "messages"))) {
      Message message = read_message(one, reading_);
      if (!message.role) {
        faults_.note("`messages.role` must be system, user, assistant or tool");
        continue;
      }
      Turn turn{.role = *message.role, .parts = std::move(message.parts)};
      turn.extra = std::move(message.extra);
      for (Part& part : turn.parts) {
        if (part.kind == Part::Kind::tool_call) calls_.add(part);
      }
      if (turn.role == Role::tool) turn = result_of(message, std::move(turn));
      add_turn(conversation_.turns, std::move(turn));
    }
  }

  Turn result_of(const Message& message, Turn turn) {
    RawText id = message.call_id;
    if (id.empty()) {
      id = calls_.take(message.tool_name);
    } else {
      calls_.close(id);
    }
    Part result{.kind = Part::Kind::tool_result,
                .id = id,
                .name = message.tool_name,
                .content = std::move(turn.parts)};
    result.extra = std::move(turn.extra);
    Turn made{.role = Role::tool};
    made.parts.push_back(std::move(result));
    return made;
  }

  void take_tools(const JsonValue& value) {
    for (const JsonValue& one : json_elements(faults_.list(value, "tools"))) {
      const auto function = json_find(one.text, "function");
      if (!function) {
        conversation_.tools.push_back({.json = one.text});
        continue;
      }
      Tool tool;
      for (const JsonMember& member : json_members(function->text)) {
        if (member.key_is("name")) {
          tool.name = raw_text(member.value);
        } else if (member.key_is("description")) {
          tool.description = raw_text(member.value);
        } else if (member.key_is("parameters")) {
          tool.schema = faults_.object(member.value, "tools.function.parameters");
        } else {
          tool.extra.push_back(field_of(member));
        }
      }
      conversation_.tools.push_back(std::move(tool));
    }
  }

  void take_format(const JsonValue& value) {
    if (value.kind == JsonKind::object) {
      conversation_.format.kind = ResponseFormat::Kind::json_schema;
      conversation_.format.schema = value.text;
    } else if (value.string_is("json")) {
      conversation_.format.kind = ResponseFormat::Kind::json_object;
    } else if (!value.is_null() && !value.string_is("")) {
      faults_.note("`format` must be \"json\" or a JSON schema");
    }
  }

  void take_think(const JsonValue& value) {
    if (value.is_null()) return;
    const bool off = value.text == "false";
    conversation_.reasoning.kind = off ? Reasoning::Kind::off : Reasoning::Kind::on;
    conversation_.reasoning.effort = raw_text(value);
  }

  void take_options(const JsonValue& value) {
    for (const JsonMember& member : json_members(faults_.object(value, "options"))) {
      if (member.key_is("stop")) {
        if (member.value.kind == JsonKind::string) {
          conversation_.stop.push_back(raw_text(member.value));
          continue;
        }
        for (const JsonValue& one : json_elements(faults_.list(member.value, "options.stop")))
          conversation_.stop.push_back(faults_.text(one, "options.stop"));
      } else if (const auto parameter = find_parameter(Dialect::ollama, member)) {
        // Ollama's words for as much as there is: the others' is to say nothing.
        const bool endless = *parameter == Parameter::max_tokens && member.value.as_int() < 1;
        if (!endless && !member.value.is_null())
          conversation_.parameter(*parameter) = member.value.text;
      } else {
        conversation_.extra.push_back({member.key, member.value.text, "options"});
      }
    }
  }

  Conversation& conversation_;
  RequestFaults faults_;
  Reading reading_;
  OpenCalls calls_;
  RawText prompt_;
  RawText system_;
  std::vector<Part> images_;
};

}  // namespace

Result<Conversation> read_ollama_request(Dialect dialect, std::string_view body,
                                         TranslationLoss& loss) {
  const auto scanned = scan_object(body, conversation_limits, [](const JsonMember&) {});
  if (!scanned) return std::unexpected(scanned.error());
  Conversation conversation{.dialect = dialect, .stream = true};
  RequestReader reader(conversation, loss);
  for (const JsonMember& member : json_members(body))
    reader.take(member);
  const auto finished = reader.finish();
  if (!finished) return std::unexpected(finished.error());
  return conversation;
}

Result<Answer> read_ollama_answer(std::string_view text) {
  const auto scanned = scan_object(text, conversation_limits, [](const JsonMember&) {});
  if (!scanned) {
    return fail(ErrorCode::upstream_garbage, "the answer is not a JSON object, or too large a one");
  }
  Answer answer{.dialect = Dialect::ollama};
  RequestFaults faults;
  TranslationLoss loss;
  Reading reading{answer.kept, faults, loss};
  std::optional<StopReason> stop = StopReason::end;  // older servers give no reason
  bool done = false;
  Message message;
  RawText thinking;
  RawText response;
  for (const JsonMember& member : json_members(text)) {
    if (member.key_is("model")) {
      answer.model = raw_text(member.value);
    } else if (member.key_is("message")) {
      answer.parts = read_message(member.value, reading).parts;
    } else if (member.key_is("response")) {
      response = raw_text(member.value);
    } else if (member.key_is("thinking")) {
      thinking = raw_text(member.value);
    } else if (member.key_is("done")) {
      done = member.value.as_bool().value_or(false);
    } else if (member.key_is("done_reason")) {
      stop = read_stop_word(Dialect::ollama, member.value.raw_string());
    }
  }
  if (answer.parts.empty()) {
    gather(message, thinking, response, {});
    answer.parts = std::move(message.parts);
  }
  if (!faults.result() || !done || !stop) {
    return fail(ErrorCode::upstream_garbage, "the answer is not one of a chat, or not whole");
  }
  (void)read_usage(Dialect::ollama, text, answer.usage);
  const bool calls = has_part(answer.parts, Part::Kind::tool_call);
  answer.stop = calls && *stop == StopReason::end ? StopReason::tool_use : *stop;
  return answer;
}

}  // namespace rocket
