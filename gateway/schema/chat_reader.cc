#include "schema/chat_reader.h"

#include <iterator>

#include "schema/allowed_tools.h"
#include "schema/citations.h"
#include "schema/legacy_functions.h"
#include "schema/media.h"
#include "schema/parameters.h"
#include "schema/request_faults.h"
#include "schema/tool_arguments.h"

namespace rocket {
namespace {

Field field_of(const JsonMember& member) {
  return {member.key, member.value.text};
}

void read_image(const JsonValue& value, Part& part) {
  part.kind = Part::Kind::image;
  // Some clients send the address itself.
  if (value.kind == JsonKind::string) part.media = media_of_url(raw_text(value));
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key_is("url")) part.media = media_of_url(raw_text(member.value));
    if (member.key_is("detail")) part.detail = raw_text(member.value);
  }
}

void read_file(const JsonValue& value, Part& part, KeptTexts& kept) {
  part.kind = Part::Kind::document;
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key_is("file_data")) part.media = media_of_file(raw_text(member.value), kept);
    if (member.key_is("filename")) part.name = raw_text(member.value);
    if (member.key_is("file_id")) {
      part.media = {Media::Source::file, {}, raw_text(member.value)};
    }
  }
}

// As Mistral's models have it: a list of texts.
Part read_thought(const JsonValue& value, Reading& reading) {
  Part part{.kind = Part::Kind::thinking};
  const auto thought = json_find(value.text, "thinking");
  std::string texts;
  for (const JsonValue& one : json_elements(thought ? thought->text : "[]")) {
    if (const auto text = json_find(one.text, "text")) texts += text->raw_string();
  }
  part.text = {reading.kept.keep(std::move(texts))};
  return part;
}

Part read_part(const JsonValue& value, Reading& reading) {
  Part part;
  const auto type = json_find(value.text, "type");
  if (type && type->string_is("thinking")) return read_thought(value, reading);
  const bool known = type && (type->string_is("text") || type->string_is("image_url") ||
                              type->string_is("file") || type->string_is("refusal"));
  if (!known) {
    part.kind = Part::Kind::foreign;
    part.json = value.text;
    return part;
  }
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key_is("type")) continue;
    if (member.key_is("text")) {
      part.text = raw_text(member.value);
    } else if (member.key_is("refusal")) {
      part.kind = Part::Kind::refusal;
      part.text = raw_text(member.value);
    } else if (member.key_is("image_url")) {
      read_image(member.value, part);
    } else if (member.key_is("file")) {
      read_file(member.value, part, reading.kept);
    } else {
      part.extra.push_back(field_of(member));
    }
  }
  return part;
}

// A string, a list of parts, or nothing.
void read_content(const JsonValue& content, std::vector<Part>& parts, Reading& reading) {
  if (content.kind == JsonKind::string) {
    parts.push_back({.text = raw_text(content)});
    return;
  }
  for (const JsonValue& part : json_elements(reading.faults.list(content, "messages.content"))) {
    if (part.kind == JsonKind::object) {
      parts.push_back(read_part(part, reading));
    } else if (part.kind == JsonKind::string) {
      parts.push_back({.text = raw_text(part)});
    } else {
      reading.faults.note("a part of `messages.content` must be an object");
    }
  }
}

// `field`: what the arguments are called in a loss.
void read_function(const JsonValue& function, std::string_view field, Part& part,
                   Reading& reading) {
  for (const JsonMember& member : json_members(function.text)) {
    if (member.key_is("name")) part.name = raw_text(member.value);
    if (!member.key_is("arguments")) continue;
    // A string by OpenAI's description, an object by some servers'.
    if (member.value.kind == JsonKind::object) {
      part.arguments = member.value.text;
      continue;
    }
    MendedArguments mended = mend_arguments(member.value.as_string().value_or(""));
    if (mended.mended) reading.loss.emulate(field);
    part.arguments = reading.kept.keep(std::move(mended.object));
  }
  if (part.arguments.empty()) part.arguments = "{}";
}

void read_tool_calls(const JsonValue& calls, std::vector<Part>& parts, Reading& reading) {
  for (const JsonValue& call : json_elements(reading.faults.list(calls, "messages.tool_calls"))) {
    Part part{.kind = Part::Kind::tool_call};
    bool is_function = false;
    for (const JsonMember& member : json_members(call.text)) {
      if (member.key_is("id")) {
        part.id = raw_text(member.value);
      } else if (member.key_is("function")) {
        is_function = true;
        read_function(member.value, "tool_calls.arguments", part, reading);
      } else if (!member.key_is("type") && !member.key_is("index")) {
        part.extra.push_back(field_of(member));
      }
    }
    if (!is_function) part = {.kind = Part::Kind::foreign, .json = call.text};
    parts.push_back(std::move(part));
  }
}

// What a message has to say, in the order in which it was thought of: thinking, text, calls.
struct Message {
  std::optional<Role> role;
  RawText name;
  RawText call_id;
  std::vector<Part> parts;
  std::vector<Part> calls;
  bool legacy_call = false;  // the last of the parts is one
  std::vector<Field> extra;
};

std::optional<Role> role_of(const JsonValue& value) {
  if (value.string_is("user")) return Role::user;
  if (value.string_is("assistant")) return Role::assistant;
  if (value.string_is("system")) return Role::system;
  if (value.string_is("developer")) return Role::developer;
  if (value.string_is("tool") || value.string_is("function")) return Role::tool;
  return std::nullopt;
}

Message read_message(const JsonValue& value, Reading& reading) {
  Message message;
  Part thinking{.kind = Part::Kind::thinking};
  Part refusal{.kind = Part::Kind::refusal};
  Part legacy_call{.kind = Part::Kind::tool_call};
  std::optional<JsonMember> annotations;
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key_is("role")) {
      message.role = role_of(member.value);
    } else if (member.key_is("content")) {
      read_content(member.value, message.parts, reading);
    } else if (member.key_is("name")) {
      message.name = reading.faults.text(member.value, "messages.name");
    } else if (member.key_is("tool_call_id")) {
      message.call_id = reading.faults.text(member.value, "messages.tool_call_id");
    } else if (member.key_is("tool_calls")) {
      read_tool_calls(member.value, message.calls, reading);
    } else if (member.key_is("function_call") && member.value.kind == JsonKind::object) {
      read_function(member.value, "function_call.arguments", legacy_call, reading);
    } else if (member.key_is("reasoning_content") || member.key_is("reasoning")) {
      if (thinking.text.empty()) thinking.text = raw_text(member.value);
    } else if (member.key_is("refusal")) {
      refusal.text = raw_text(member.value);
    } else if (member.key_is("annotations")) {
      annotations = member;
    } else {
      message.extra.push_back(field_of(member));
    }
  }
  const bool said = message.role.value_or(Role::assistant) == Role::assistant;
  if (annotations && !(said && take_annotations(annotations->value, message.parts))) {
    message.extra.push_back(field_of(*annotations));
  }
  if (!thinking.text.empty()) message.parts.insert(message.parts.begin(), std::move(thinking));
  if (!refusal.text.empty()) message.parts.push_back(std::move(refusal));
  // Some servers say the same in both ways.
  message.legacy_call = message.calls.empty() && !legacy_call.name.empty();
  if (message.legacy_call) message.calls.push_back(std::move(legacy_call));
  message.parts.insert(message.parts.end(), std::make_move_iterator(message.calls.begin()),
                       std::make_move_iterator(message.calls.end()));
  return message;
}

Turn turn_of(Message message) {
  Turn turn{.role = *message.role, .extra = std::move(message.extra)};
  if (turn.role != Role::tool) {
    turn.name = message.name;
    turn.parts = std::move(message.parts);
    return turn;
  }
  // What no call is known for: its name has to do.
  Part result{.kind = Part::Kind::tool_result,
              .id = message.call_id.empty() ? message.name : message.call_id,
              .name = message.name,
              .content = std::move(message.parts)};
  result.extra = std::move(turn.extra);
  turn.extra.clear();
  turn.parts.push_back(std::move(result));
  return turn;
}

class RequestReader {
 public:
  RequestReader(Conversation& conversation, TranslationLoss& loss)
      : conversation_(conversation),
        reading_{conversation.kept, faults_, loss},
        legacy_calls_(conversation.kept) {}

  void take(const JsonMember& member) {
    const JsonValue& value = member.value;
    if (member.key_is("model")) {
      conversation_.model = faults_.text(value, "model");
    } else if (member.key_is("messages")) {
      take_messages(value);
    } else if (member.key_is("stream")) {
      conversation_.stream = faults_.flag(value, "stream").value_or(false);
    } else if (member.key_is("stream_options")) {
      const auto asked = json_find(faults_.object(value, "stream_options"), "include_usage");
      conversation_.usage_asked = asked && asked->as_bool().value_or(false);
    } else if (member.key_is("tools")) {
      take_tools(value);
    } else if (member.key_is("tool_choice")) {
      take_tool_choice(value);
    } else if (member.key_is("functions")) {
      functions_ = value;
    } else if (member.key_is("function_call")) {
      function_call_ = value;
    } else if (member.key_is("parallel_tool_calls")) {
      conversation_.parallel_tools = faults_.flag(value, "parallel_tool_calls");
    } else if (member.key_is("response_format")) {
      take_format(value);
    } else if (member.key_is("reasoning_effort")) {
      take_effort(faults_.text(value, "reasoning_effort"));
    } else if (member.key_is("verbosity")) {
      conversation_.verbosity = faults_.text(value, "verbosity");
    } else if (member.key_is("stop")) {
      take_stop(value);
    } else if (const auto parameter = find_parameter(Dialect::chat, member)) {
      if (!value.is_null()) conversation_.parameter(*parameter) = value.text;
    } else if (!member.key_is("backend")) {
      conversation_.extra.push_back(field_of(member));
    }
  }

  [[nodiscard]] Result<void> finish() {
    if (!messages_seen_) faults_.note("`messages` is missing; send a list of messages");
    take_functions();
    if (allowed_) allow_tools(*allowed_, conversation_, reading_.loss);
    return faults_.result();
  }

 private:
  void take_messages(const JsonValue& value) {
    messages_seen_ = true;
    for (const JsonValue& one : json_elements(faults_.list(value, "messages"))) {
      if (one.kind != JsonKind::object) {
        faults_.note("a member of `messages` must be an object");
        continue;
      }
      Message message = read_message(one, reading_);
      if (!message.role) {
        faults_.note("`messages.role` must be system, developer, user, assistant or tool");
        continue;
      }
      if (message.legacy_call) {
        Part& call = message.parts.back();
        call.id = legacy_calls_.begin(call.name);
      } else if (message.role == Role::tool && message.call_id.empty()) {
        message.call_id = legacy_calls_.end(message.name);
      }
      add_turn(conversation_.turns, turn_of(std::move(message)));
    }
    if (conversation_.turns.empty()) {
      faults_.note("`messages` is empty; send at least one message");
    }
  }

  void take_tools(const JsonValue& value) {
    for (const JsonValue& one : json_elements(faults_.list(value, "tools"))) {
      const auto function = json_find(one.text, "function");
      if (!function || function->kind != JsonKind::object) {
        conversation_.tools.push_back({.json = one.text});
        continue;
      }
      conversation_.tools.push_back(read_tool(*function, "tools.function"));
    }
  }

  Tool read_tool(const JsonValue& function, const std::string& field) {
    Tool tool;
    for (const JsonMember& member : json_members(function.text)) {
      if (member.key_is("name")) {
        tool.name = faults_.text(member.value, field + ".name");
      } else if (member.key_is("description")) {
        tool.description = faults_.text(member.value, field + ".description");
      } else if (member.key_is("parameters")) {
        tool.schema = faults_.object(member.value, field + ".parameters");
      } else if (member.key_is("strict")) {
        tool.strict = member.value.as_bool();
      } else {
        tool.extra.push_back(field_of(member));
      }
    }
    return tool;
  }

  // Beside tools they are not heeded, and without any to choose from a choice is none. Whoever has
  // them takes one call at a time.
  void take_functions() {
    const std::string_view list = functions_ ? faults_.list(*functions_, "functions") : "";
    const bool any = json_elements(list).begin() != std::default_sentinel;
    if (!any || !conversation_.tools.empty()) {
      if (any) conversation_.extra.push_back({"functions", functions_->text});
      if (function_call_) conversation_.extra.push_back({"function_call", function_call_->text});
      return;
    }
    for (const JsonValue& one : json_elements(list)) {
      if (one.kind != JsonKind::object) faults_.note("a member of `functions` must be an object");
      conversation_.tools.push_back(read_tool(one, "functions"));
    }
    conversation_.legacy_functions = true;
    conversation_.parallel_tools = false;
    if (function_call_) take_function_call(*function_call_);
  }

  void take_function_call(const JsonValue& value) {
    using Kind = ToolChoice::Kind;
    ToolChoice& choice = conversation_.tool_choice;
    const auto name = value.kind == JsonKind::object ? json_find(value.text, "name") : std::nullopt;
    if (value.string_is("auto") || value.string_is("none")) {
      choice.kind = value.string_is("auto") ? Kind::automatic : Kind::none;
    } else if (name) {
      choice = {.kind = Kind::function, .name = faults_.text(*name, "function_call.name")};
    } else if (!value.is_null()) {
      conversation_.extra.push_back({"function_call", value.text});
    }
  }

  void take_tool_choice(const JsonValue& value) {
    using Kind = ToolChoice::Kind;
    ToolChoice& choice = conversation_.tool_choice;
    if (value.string_is("auto")) {
      choice.kind = Kind::automatic;
    } else if (value.string_is("none")) {
      choice.kind = Kind::none;
    } else if (value.string_is("required")) {
      choice.kind = Kind::required;
    } else if (const auto function = json_find(value.text, "function")) {
      choice.kind = Kind::function;
      if (const auto name = json_find(function->text, "name")) choice.name = raw_text(*name);
    } else if (is_allowed_tools(value)) {
      allowed_ = value;
    } else if (!value.is_null()) {
      conversation_.extra.push_back({"tool_choice", value.text});
    }
  }

  void take_format(const JsonValue& value) {
    using Kind = ResponseFormat::Kind;
    ResponseFormat& format = conversation_.format;
    const auto type = json_find(faults_.object(value, "response_format"), "type");
    if (!type) return;
    if (type->string_is("text") || type->string_is("json_object")) {
      format.kind = type->string_is("text") ? Kind::text : Kind::json_object;
      return;
    }
    if (!type->string_is("json_schema")) {
      conversation_.extra.push_back({"response_format", value.text});
      return;
    }
    format.kind = Kind::json_schema;
    const auto schema = json_find(value.text, "json_schema");
    if (!schema) return;
    for (const JsonMember& member : json_members(schema->text)) {
      if (member.key_is("name")) format.name = raw_text(member.value);
      if (member.key_is("description")) format.description = raw_text(member.value);
      if (member.key_is("strict")) format.strict = member.value.as_bool();
      if (member.key_is("schema") && member.value.kind == JsonKind::object) {
        format.schema = member.value.text;
      }
    }
  }

  void take_effort(RawText effort) {
    if (effort.empty()) return;
    const bool off = effort.is("none");
    conversation_.reasoning.kind = off ? Reasoning::Kind::off : Reasoning::Kind::on;
    if (!off) conversation_.reasoning.effort = effort;
  }

  void take_stop(const JsonValue& value) {
    if (value.kind == JsonKind::string) {
      conversation_.stop.push_back(raw_text(value));
      return;
    }
    for (const JsonValue& one : json_elements(faults_.list(value, "stop")))
      conversation_.stop.push_back(faults_.text(one, "stop"));
  }

  Conversation& conversation_;
  RequestFaults faults_;
  Reading reading_;
  LegacyCalls legacy_calls_;
  std::optional<JsonValue> allowed_;  // of the tools, which may stand behind it
  std::optional<JsonValue> functions_;
  std::optional<JsonValue> function_call_;
  bool messages_seen_ = false;
};

}  // namespace

bool names_stop(const JsonMember& member) {
  return (member.key_is("stop_reason") || member.key_is("matched_stop")) &&
         member.value.kind == JsonKind::string && !member.value.string_is("stop");
}

Result<Conversation> read_chat_request(std::string_view body, TranslationLoss& loss) {
  Conversation conversation;
  conversation.usage_asked = false;
  RequestReader reader(conversation, loss);
  const auto scanned = scan_object(body, conversation_limits, [](const JsonMember&) {});
  if (!scanned) return std::unexpected(scanned.error());
  for (const JsonMember& member : json_members(body))
    reader.take(member);
  const auto finished = reader.finish();
  if (!finished) return std::unexpected(finished.error());
  return conversation;
}

Result<Answer> read_chat_answer(std::string_view text, TranslationLoss& loss) {
  const auto scanned = scan_object(text, conversation_limits, [](const JsonMember&) {});
  if (!scanned) {
    return fail(ErrorCode::upstream_garbage, "the answer is not a JSON object, or too large a one");
  }
  Answer answer;
  RequestFaults faults;
  Reading reading{answer.kept, faults, loss};
  std::optional<StopReason> stop;
  for (const JsonMember& member : json_members(text)) {
    if (member.key_is("id")) answer.id = raw_text(member.value);
    if (member.key_is("model")) answer.model = raw_text(member.value);
    if (member.key_is("usage")) (void)read_usage(Dialect::chat, member.value.text, answer.usage);
    if (!member.key_is("choices")) continue;
    const auto choices = json_elements(member.value.text);
    const auto first = choices.begin();
    if (first == std::default_sentinel) continue;
    for (const JsonMember& said : json_members(first->text)) {
      if (said.key_is("message")) answer.parts = read_message(said.value, reading).parts;
      if (said.key_is("finish_reason")) {
        stop = read_stop_word(Dialect::chat, said.value.raw_string());
      }
      if (names_stop(said)) answer.stop_sequence = raw_text(said.value);
    }
  }
  if (!faults.result() || !stop) {
    return fail(ErrorCode::upstream_garbage, "the answer is not one of a chat");
  }
  answer.stop = *stop;
  const bool calls = has_part(answer.parts, Part::Kind::tool_call);
  // Some servers say `stop` to calls as well.
  if (calls && answer.stop == StopReason::end) answer.stop = StopReason::tool_use;
  // Nobody can be waited for.
  if (!calls && answer.stop == StopReason::tool_use) answer.stop = StopReason::end;
  if (answer.stop != StopReason::end) {
    answer.stop_sequence = {};
  } else if (!answer.stop_sequence.empty()) {
    answer.stop = StopReason::stop_sequence;
  }
  return answer;
}

}  // namespace rocket
