#include "schema/responses_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "schema/allowed_tools.h"
#include "schema/citations.h"
#include "schema/media.h"
#include "schema/parameters.h"
#include "schema/request_faults.h"
#include "schema/sealed_thoughts.h"
#include "schema/tool_arguments.h"

namespace rocket {
namespace {

Field field_of(const JsonMember& member) {
  return {member.key, member.value.text};
}

// What else an item says than what is read of it, its id and how far it has come.
void note_rest(const JsonValue& item, std::initializer_list<std::string_view> read,
               Reading& reading) {
  for (const JsonMember& member : json_members(item.text)) {
    const auto is = [&](std::string_view name) { return member.key_is(name); };
    const bool usual = is("type") || is("id") || is("status");
    if (!usual && std::ranges::none_of(read, is)) reading.loss.drop({field_of(member)});
  }
}

// A member that a part keeps. What every answer has of it and nobody has said is left out.
void read_member(const JsonMember& member, Part& part, KeptTexts& kept) {
  const JsonValue& value = member.value;
  if (member.key_is("type")) return;
  if (member.key_is("text") || member.key_is("refusal")) {
    part.text = raw_text(value);
  } else if (member.key_is("image_url") || member.key_is("file_data") ||
             member.key_is("file_url")) {
    if (value.kind == JsonKind::string) part.media = media_of_file(raw_text(value), kept);
  } else if (member.key_is("file_id")) {
    if (value.kind == JsonKind::string) part.media = {Media::Source::file, {}, raw_text(value)};
  } else if (member.key_is("filename")) {
    part.name = raw_text(value);
  } else if (member.key_is("detail")) {
    part.detail = raw_text(value);
  } else if (const Field field = field_of(member); !field.says_nothing()) {
    part.extra.push_back(field);
  }
}

Part read_part(const JsonValue& value, KeptTexts& kept) {
  using Kind = Part::Kind;
  constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"input_text", Kind::text},   {"output_text", Kind::text},    {"text", Kind::text},
      {"input_image", Kind::image}, {"input_file", Kind::document}, {"refusal", Kind::refusal},
  };
  const auto type = json_find(value.text, "type");
  for (const auto& [word, kind] : kinds) {
    if (!type || !type->string_is(word)) continue;
    Part part{.kind = kind};
    for (const JsonMember& member : json_members(value.text))
      read_member(member, part, kept);
    return part;
  }
  return {.kind = Kind::foreign, .json = value.text};
}

void read_content(const JsonValue& content, std::vector<Part>& parts, Reading& reading) {
  if (content.kind == JsonKind::string) {
    parts.push_back({.text = raw_text(content)});
    return;
  }
  for (const JsonValue& part : json_elements(reading.faults.list(content, "input.content")))
    parts.push_back(read_part(part, reading.kept));
}

// The texts of a list of {"text"}, as one.
RawText read_texts(const JsonValue& list, Reading& reading) {
  RawText only;
  std::string joined;
  size_t count = 0;
  for (const JsonValue& one : json_elements(list.text)) {
    const auto text = json_find(one.text, "text");
    if (!text) continue;
    only = raw_text(*text);
    if (count++ != 0) joined += "\\n\\n";
    joined += only.inside;
  }
  return count > 1 ? RawText{reading.kept.keep(std::move(joined))} : only;
}

Part read_reasoning(const JsonValue& item, Reading& reading) {
  Part part{.kind = Part::Kind::thinking};
  RawText sealed;
  for (const JsonMember& member : json_members(item.text)) {
    if (member.key_is("content") || (member.key_is("summary") && part.text.empty())) {
      const RawText text = read_texts(member.value, reading);
      if (!text.empty()) part.text = text;
    } else if (member.key_is("encrypted_content")) {
      sealed = raw_text(member.value);
      if (!member.value.is_null()) part.extra.push_back(field_of(member));
    }
  }
  if (read_seal(sealed, part)) part.extra.clear();
  return part;
}

Part read_call(const JsonValue& item, Reading& reading) {
  Part part{.kind = Part::Kind::tool_call, .arguments = "{}"};
  for (const JsonMember& member : json_members(item.text)) {
    if (member.key_is("call_id")) part.id = raw_text(member.value);
    if (member.key_is("name")) part.name = raw_text(member.value);
    if (!member.key_is("arguments")) continue;
    MendedArguments mended = mend_arguments(member.value.as_string().value_or(""));
    if (mended.mended) reading.loss.emulate("function_call.arguments");
    part.arguments = reading.kept.keep(std::move(mended.object));
  }
  note_rest(item, {"call_id", "name", "arguments"}, reading);
  return part;
}

Part read_result(const JsonValue& item, Reading& reading) {
  Part part{.kind = Part::Kind::tool_result};
  for (const JsonMember& member : json_members(item.text)) {
    if (member.key_is("call_id")) part.id = raw_text(member.value);
    if (member.key_is("output")) read_content(member.value, part.content, reading);
  }
  note_rest(item, {"call_id", "name", "output"}, reading);
  return part;
}

std::optional<Role> role_of(const JsonValue& value) {
  if (value.string_is("user")) return Role::user;
  if (value.string_is("assistant")) return Role::assistant;
  if (value.string_is("system")) return Role::system;
  if (value.string_is("developer")) return Role::developer;
  return std::nullopt;
}

// Items as turns: what the assistant says, thinks and calls is one turn until somebody else
// speaks.
class ItemReader {
 public:
  ItemReader(std::vector<Turn>& turns, Reading& reading, std::span<const ReferredItem> items = {})
      : turns_(turns), reading_(reading), items_(items) {}

  void take(const JsonValue& item) {
    const auto type = json_find(item.text, "type");
    if (item.kind != JsonKind::object) {
      reading_.faults.note("a member of `input` must be an object");
    } else if (!type || type->string_is("message")) {
      take_message(item);
    } else if (type->string_is("function_call")) {
      assistant().push_back(read_call(item, reading_));
    } else if (type->string_is("reasoning")) {
      assistant().push_back(read_reasoning(item, reading_));
    } else if (type->string_is("function_call_output")) {
      Turn turn{.role = Role::tool};
      turn.parts.push_back(read_result(item, reading_));
      add_turn(turns_, std::move(turn));
    } else if (const auto id = read_item_reference(item)) {
      take_reference(*id);
    } else {
      assistant().push_back({.kind = Part::Kind::foreign, .json = item.text});
    }
  }

 private:
  // What is kept refers to nothing, so that this ends.
  void take_reference(std::string_view id) {
    const auto found = std::ranges::find(items_, id, &ReferredItem::id);
    if (found != items_.end()) {
      take({JsonKind::object, found->json});
    } else {
      reading_.faults.note("`input` refers to an item that is not kept; send the item itself");
    }
  }

  std::vector<Part>& assistant() {
    if (turns_.empty() || turns_.back().role != Role::assistant) {
      turns_.push_back({.role = Role::assistant});
    }
    return turns_.back().parts;
  }

  void take_message(const JsonValue& item) {
    std::optional<Role> role;
    std::vector<Part> parts;
    for (const JsonMember& member : json_members(item.text)) {
      if (member.key_is("role")) role = role_of(member.value);
      if (member.key_is("content")) read_content(member.value, parts, reading_);
    }
    note_rest(item, {"role", "content"}, reading_);
    if (!role) {
      reading_.faults.note("`input.role` must be user, assistant, system or developer");
    } else if (role == Role::assistant) {
      take_citations(Dialect::responses, parts);
      for (Part& part : parts)
        assistant().push_back(std::move(part));
    } else {
      turns_.push_back({.role = *role, .parts = std::move(parts)});
    }
  }

  std::vector<Turn>& turns_;
  Reading& reading_;
  std::span<const ReferredItem> items_;
};

class RequestReader {
 public:
  RequestReader(Conversation& conversation, TranslationLoss& loss, const ResponsesContext& context)
      : conversation_(conversation), reading_{conversation.kept, faults_, loss}, context_(context) {
    for (const EarlierResponse& one : context_.earlier) {
      read_input({.kind = kind_of(one.input), .text = one.input});
      read_input({.kind = JsonKind::array, .text = one.output});
    }
  }

  void take(const JsonMember& member) {
    const JsonValue& value = member.value;
    if (member.key_is("model")) {
      conversation_.model = faults_.text(value, "model");
    } else if (member.key_is("input")) {
      take_input(value);
    } else if (member.key_is("instructions")) {
      take_instructions(value);
    } else if (member.key_is("stream")) {
      conversation_.stream = faults_.flag(value, "stream").value_or(false);
    } else if (member.key_is("tools")) {
      take_tools(value);
    } else if (member.key_is("tool_choice")) {
      take_tool_choice(value);
    } else if (member.key_is("parallel_tool_calls")) {
      conversation_.parallel_tools = faults_.flag(value, "parallel_tool_calls");
    } else if (member.key_is("text")) {
      take_text(value);
    } else if (member.key_is("reasoning")) {
      take_reasoning(value);
    } else if (member.key_is("previous_response_id")) {
      take_previous(value);
    } else if (const std::string_view remedy = instead_of(member); !remedy.empty()) {
      faults_.note("`" + std::string(member.key) + "` is not served; " + std::string(remedy));
    } else if (const auto parameter = find_parameter(Dialect::responses, member)) {
      // Whoever can not be understood must not have kept what he may not have wanted kept.
      if (*parameter == Parameter::store) static_cast<void>(faults_.flag(value, "store"));
      if (!value.is_null()) conversation_.parameter(*parameter) = value.text;
    } else if (!member.key_is("backend") && !member.key_is("stream_options")) {
      conversation_.extra.push_back(field_of(member));
    }
  }

  [[nodiscard]] Result<void> finish() {
    if (!input_seen_) faults_.note("`input` is missing; send a string or a list of items");
    if (conversation_.turns.empty()) faults_.note("`input` is empty; send at least one item");
    if (allowed_) allow_tools(*allowed_, conversation_, reading_.loss);
    return faults_.result();
  }

 private:
  // What to do instead of asking for what nobody here has; empty: it is no such member.
  static std::string_view instead_of(const JsonMember& member) {
    if (member.key_is("background")) {
      return member.value.text == "true" ? "a response comes with its request, so leave it out"
                                         : "";
    }
    if (member.value.is_null()) return {};
    if (member.key_is("prompt")) return "send what it stands for";
    if (!member.key_is("conversation")) return {};
    return "continue with `previous_response_id`, or send the whole conversation as `input`";
  }

  void take_previous(const JsonValue& value) {
    if (!conversation_.previous.empty()) {
      faults_.note("`previous_response_id` stands twice; send it once");
    }
    conversation_.previous = faults_.text(value, "previous_response_id");
    if (conversation_.previous.empty() || !context_.earlier.empty()) return;
    faults_.note(
        "`previous_response_id` refers to a response that is not kept; send the whole "
        "conversation as `input`");
  }

  void take_input(const JsonValue& value) {
    if (std::exchange(input_seen_, true)) faults_.note("`input` stands twice; send it once");
    conversation_.input = value.text;
    read_input(value);
  }

  static JsonKind kind_of(std::string_view json) {
    return json.starts_with('"') ? JsonKind::string : JsonKind::array;
  }

  void read_input(const JsonValue& value) {
    if (value.kind == JsonKind::string) {
      conversation_.turns.push_back({.role = Role::user, .parts = {Part{.text = raw_text(value)}}});
      return;
    }
    ItemReader items(conversation_.turns, reading_, context_.items);
    for (const JsonValue& item : json_elements(faults_.list(value, "input")))
      items.take(item);
  }

  // Wherever they stand in the body, they come first.
  void take_instructions(const JsonValue& value) {
    const RawText text = faults_.text(value, "instructions");
    if (!conversation_.instructions.empty()) {
      faults_.note("`instructions` stands twice; send it once");
      return;
    }
    if (value.kind == JsonKind::string) conversation_.instructions = value.text;
    if (text.empty()) return;
    conversation_.turns.insert(conversation_.turns.begin(),
                               Turn{.role = Role::system, .parts = {Part{.text = text}}});
  }

  void take_tools(const JsonValue& value) {
    for (const JsonValue& one : json_elements(faults_.list(value, "tools"))) {
      const auto type = json_find(one.text, "type");
      if (!type || !type->string_is("function")) {
        conversation_.tools.push_back({.json = one.text});
        continue;
      }
      Tool tool;
      for (const JsonMember& member : json_members(one.text)) {
        if (member.key_is("name")) {
          tool.name = faults_.text(member.value, "tools.name");
        } else if (member.key_is("description")) {
          tool.description = faults_.text(member.value, "tools.description");
        } else if (member.key_is("parameters")) {
          tool.schema = faults_.object(member.value, "tools.parameters");
        } else if (member.key_is("strict")) {
          tool.strict = member.value.as_bool();
        } else if (!member.key_is("type")) {
          tool.extra.push_back(field_of(member));
        }
      }
      conversation_.tools.push_back(std::move(tool));
    }
  }

  // Tools of other types have names too.
  static bool may_be_function(const JsonValue& choice) {
    const auto type = json_find(choice.text, "type");
    return !type || type->string_is("function");
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
    } else if (const auto name = json_find(value.text, "name");
               value.kind == JsonKind::object && name && may_be_function(value)) {
      choice = {Kind::function, raw_text(*name)};
    } else if (is_allowed_tools(value)) {
      allowed_ = value;
    } else if (!value.is_null()) {
      conversation_.extra.push_back({"tool_choice", value.text});
    }
  }

  void take_text(const JsonValue& value) {
    ResponseFormat& format = conversation_.format;
    for (const JsonMember& member : json_members(faults_.object(value, "text"))) {
      if (member.key_is("verbosity")) {
        conversation_.verbosity = raw_text(member.value);
        continue;
      }
      if (!member.key_is("format")) {
        reading_.loss.drop({field_of(member)});
        continue;
      }
      for (const JsonMember& one : json_members(member.value.text)) {
        if (one.key_is("type")) take_format_type(one.value);
        if (one.key_is("name")) format.name = raw_text(one.value);
        if (one.key_is("description")) format.description = raw_text(one.value);
        if (one.key_is("strict")) format.strict = one.value.as_bool();
        if (one.key_is("schema") && one.value.kind == JsonKind::object) {
          format.schema = one.value.text;
        }
      }
    }
  }

  void take_format_type(const JsonValue& type) {
    using Kind = ResponseFormat::Kind;
    Kind& kind = conversation_.format.kind;
    if (type.string_is("json_schema")) {
      kind = Kind::json_schema;
    } else if (type.string_is("json_object")) {
      kind = Kind::json_object;
    } else if (type.string_is("text")) {
      kind = Kind::text;
    } else {
      reading_.loss.drop("response_format");
    }
  }

  void take_reasoning(const JsonValue& value) {
    Reasoning& reasoning = conversation_.reasoning;
    for (const JsonMember& member : json_members(faults_.object(value, "reasoning"))) {
      if (member.key_is("summary")) {
        reasoning.summary = raw_text(member.value);
      } else if (!member.key_is("effort")) {
        reading_.loss.drop({field_of(member)});
      } else if (!member.value.is_null()) {
        const bool off = member.value.string_is("none");
        reasoning.kind = off ? Reasoning::Kind::off : Reasoning::Kind::on;
        if (!off) reasoning.effort = raw_text(member.value);
      }
    }
  }

  Conversation& conversation_;
  RequestFaults faults_;
  Reading reading_;
  const ResponsesContext& context_;
  std::optional<JsonValue> allowed_;  // of the tools, which may stand behind it
  bool input_seen_ = false;
};

StopReason stop_of(bool incomplete, std::optional<StopReason> reason, const Answer& answer) {
  if (incomplete) return reason.value_or(StopReason::max_tokens);
  return has_part(answer.parts, Part::Kind::tool_call) ? StopReason::tool_use : StopReason::end;
}

}  // namespace

std::optional<std::string> read_item_reference(const JsonValue& item) {
  const auto type = json_find(item.text, "type");
  if (!type || !type->string_is("item_reference")) return std::nullopt;
  const auto id = json_find(item.text, "id");
  return id ? id->as_string().value_or("") : "";
}

Result<Conversation> read_responses_request(std::string_view body, TranslationLoss& loss,
                                            const ResponsesContext& context) {
  const auto scanned = scan_object(body, conversation_limits, [](const JsonMember&) {});
  if (!scanned) return std::unexpected(scanned.error());
  Conversation conversation{.dialect = Dialect::responses};
  RequestReader reader(conversation, loss, context);
  for (const JsonMember& member : json_members(body))
    reader.take(member);
  const auto finished = reader.finish();
  if (!finished) return std::unexpected(finished.error());
  return conversation;
}

Result<Answer> read_responses_answer(std::string_view text) {
  const auto scanned = scan_object(text, conversation_limits, [](const JsonMember&) {});
  if (!scanned) {
    return fail(ErrorCode::upstream_garbage, "the answer is not a JSON object, or too large a one");
  }
  Answer answer{.dialect = Dialect::responses};
  RequestFaults faults;
  TranslationLoss loss;
  Reading reading{answer.kept, faults, loss};
  std::vector<Turn> turns;
  JsonValue status;
  std::optional<StopReason> reason;
  std::string error;
  for (const JsonMember& member : json_members(text)) {
    if (member.key_is("id")) {
      answer.id = raw_text(member.value);
    } else if (member.key_is("model")) {
      answer.model = raw_text(member.value);
    } else if (member.key_is("status")) {
      status = member.value;
    } else if (member.key_is("output")) {
      ItemReader items(turns, reading);
      for (const JsonValue& item : json_elements(member.value.text))
        items.take(item);
    } else if (member.key_is("incomplete_details")) {
      const auto why = json_find(member.value.text, "reason");
      if (why) reason = read_stop_word(Dialect::responses, why->raw_string());
    } else if (member.key_is("usage")) {
      (void)read_usage(Dialect::responses, member.value.text, answer.usage);
    } else if (member.key_is("error")) {
      const auto message = json_find(member.value.text, "message");
      if (message) error = message->as_string().value_or("");
    }
  }
  if (status.string_is("failed")) return fail(ErrorCode::upstream_error_event, error);
  const bool incomplete = status.string_is("incomplete");
  const bool over = incomplete || status.string_is("completed");
  if (!faults.result() || !over || turns.size() > 1) {
    return fail(ErrorCode::upstream_garbage, "the answer is not a response that is over");
  }
  if (!turns.empty()) answer.parts = std::move(turns.front().parts);
  answer.stop = stop_of(incomplete, reason, answer);
  return answer;
}

}  // namespace rocket
