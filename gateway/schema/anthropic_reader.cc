#include "schema/anthropic_reader.h"

#include <iterator>
#include <utility>

#include "schema/anthropic_ids.h"
#include "schema/anthropic_words.h"
#include "schema/citations.h"
#include "schema/parameters.h"
#include "schema/request_faults.h"

namespace rocket {
namespace {

Field field_of(const JsonMember& member, std::string_view within = {}) {
  return {member.key, member.value.text, within};
}

bool read_source(const JsonValue& source, Media& media) {
  const auto type = json_find(source.text, "type");
  if (!type) return false;
  std::string_view data = "data";
  if (type->string_is("base64")) {
    media.source = Media::Source::base64;
  } else if (type->string_is("url")) {
    media.source = Media::Source::url;
    data = "url";
  } else if (type->string_is("text")) {
    media.source = Media::Source::text;
  } else if (type->string_is("file")) {
    media.source = Media::Source::file;
    data = "file_id";
  } else {
    return false;
  }
  for (const JsonMember& member : json_members(source.text)) {
    if (member.key_is("media_type")) media.type = raw_text(member.value);
    if (member.key_is(data)) media.data = raw_text(member.value);
  }
  return true;
}

// Where blocks stand. What tools give holds no results of other calls: each block within another
// is looked at again for each that it stands in.
enum class Within : unsigned char { message, result };

void read_content(const JsonValue& content, Within within, std::vector<Part>& parts,
                  Reading& reading);

// A member that more than one type of block may have. False if it is none.
bool read_member(const JsonMember& member, Part& part, Reading& reading) {
  switch (part.kind) {
    case Part::Kind::text:
      if (!member.key_is("text")) return false;
      part.text = raw_text(member.value);
      return true;
    case Part::Kind::thinking:
      if (member.key_is("thinking")) part.text = raw_text(member.value);
      if (member.key_is("signature")) part.signature = raw_text(member.value);
      return member.key_is("thinking") || member.key_is("signature");
    case Part::Kind::redacted_thinking:
      if (!member.key_is("data")) return false;
      part.text = raw_text(member.value);
      return true;
    case Part::Kind::tool_call:
      if (member.key_is("id")) {
        part.id = anthropic_id_read(raw_text(member.value), reading.kept);
      } else if (member.key_is("name")) {
        part.name = raw_text(member.value);
      } else if (member.key_is("input")) {
        part.arguments = reading.faults.object(member.value, "messages.content.input");
      } else {
        return false;
      }
      return true;
    case Part::Kind::tool_result:
      if (member.key_is("tool_use_id")) {
        part.id = anthropic_id_read(raw_text(member.value), reading.kept);
      } else if (member.key_is("content")) {
        read_content(member.value, Within::result, part.content, reading);
      } else if (member.key_is("is_error")) {
        part.failed = member.value.as_bool().value_or(false);
      } else {
        return false;
      }
      return true;
    case Part::Kind::image:
    case Part::Kind::document:
      if (member.key_is("title")) part.name = raw_text(member.value);
      return member.key_is("source") || member.key_is("title");
    default: return false;
  }
}

std::optional<Part::Kind> kind_of(const JsonValue& type) {
  using Kind = Part::Kind;
  constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"text", Kind::text},
      {"image", Kind::image},
      {"document", Kind::document},
      {"tool_use", Kind::tool_call},
      {"tool_result", Kind::tool_result},
      {"thinking", Kind::thinking},
      {"redacted_thinking", Kind::redacted_thinking},
  };
  for (const auto& [word, kind] : kinds) {
    if (type.string_is(word)) return kind;
  }
  return std::nullopt;
}

Part read_block(const JsonValue& block, Within within, Reading& reading) {
  Part part{.kind = Part::Kind::foreign, .json = block.text};
  const auto type = json_find(block.text, "type");
  if (!type) {
    reading.faults.note("a block of `messages.content` must be an object with a `type`");
    return part;
  }
  const auto words = [&] {
    std::string said = words_of_block(block);
    return said.empty() ? RawText{} : RawText{reading.kept.keep(std::move(said))};
  };
  const auto kind = kind_of(*type);
  if (!kind) {
    part.text = words();
    return part;
  }
  if (*kind == Part::Kind::tool_result && within == Within::result) {
    reading.faults.note("a `tool_result` of `messages.content` can not stand within another");
    return part;
  }
  Media media;
  if (*kind == Part::Kind::image || *kind == Part::Kind::document) {
    const auto source = json_find(block.text, "source");
    if (!source || !read_source(*source, media)) {
      part.text = words();
      return part;
    }
  }
  part = {.kind = *kind, .media = media};
  if (*kind == Part::Kind::tool_call) part.arguments = "{}";
  for (const JsonMember& member : json_members(block.text)) {
    if (!member.key_is("type") && !read_member(member, part, reading)) {
      part.extra.push_back(field_of(member));
    }
  }
  return part;
}

// A string, or a list of blocks.
void read_content(const JsonValue& content, Within within, std::vector<Part>& parts,
                  Reading& reading) {
  if (content.kind == JsonKind::string) {
    parts.push_back({.text = raw_text(content)});
    return;
  }
  for (const JsonValue& block : json_elements(reading.faults.list(content, "messages.content")))
    parts.push_back(read_block(block, within, reading));
}

class RequestReader {
 public:
  explicit RequestReader(Conversation& conversation)
      : conversation_(conversation), reading_{conversation.kept, faults_, loss_} {}

  void take(const JsonMember& member) {
    const JsonValue& value = member.value;
    if (member.key_is("model")) {
      conversation_.model = faults_.text(value, "model");
    } else if (member.key_is("messages")) {
      take_messages(value);
    } else if (member.key_is("system")) {
      take_system(value);
    } else if (member.key_is("stream")) {
      conversation_.stream = faults_.flag(value, "stream").value_or(false);
    } else if (member.key_is("stop_sequences")) {
      for (const JsonValue& one : json_elements(faults_.list(value, "stop_sequences")))
        conversation_.stop.push_back(faults_.text(one, "stop_sequences"));
    } else if (member.key_is("tools")) {
      take_tools(value);
    } else if (member.key_is("tool_choice")) {
      take_tool_choice(value);
    } else if (member.key_is("thinking")) {
      take_thinking(value);
    } else if (member.key_is("output_config")) {
      take_output_config(value);
    } else if (member.key_is("output_format")) {
      take_format(member, {});
    } else if (member.key_is("metadata")) {
      take_metadata(value);
    } else if (const auto parameter = find_parameter(Dialect::anthropic, member)) {
      if (!value.is_null()) conversation_.parameter(*parameter) = value.text;
    } else if (!member.key_is("backend")) {
      conversation_.extra.push_back(field_of(member));
    }
  }

  [[nodiscard]] Result<void> finish() {
    if (!messages_seen_) faults_.note("`messages` is missing; send a list of messages");
    return faults_.result();
  }

 private:
  // Wherever it stands in the body, it comes before the messages.
  void take_system(const JsonValue& value) {
    Turn turn{.role = Role::system};
    read_content(value, Within::message, turn.parts, reading_);
    if (std::exchange(system_seen_, true)) faults_.note("`system` stands twice; send it once");
    if (turn.parts.empty()) return;
    if (faults_.none()) conversation_.turns.insert(conversation_.turns.begin(), std::move(turn));
  }

  void take_messages(const JsonValue& value) {
    messages_seen_ = true;
    for (const JsonValue& one : json_elements(faults_.list(value, "messages"))) {
      Turn turn;
      bool role_seen = false;
      for (const JsonMember& member : json_members(one.text)) {
        if (member.key_is("role")) {
          role_seen = read_role(member.value, turn.role);
        } else if (member.key_is("content")) {
          read_content(member.value, Within::message, turn.parts, reading_);
        } else {
          turn.extra.push_back(field_of(member));
        }
      }
      if (!role_seen) faults_.note("`messages.role` must be user or assistant");
      if (turn.role == Role::assistant) take_citations(Dialect::anthropic, turn.parts);
      add_split(std::move(turn));
    }
  }

  static bool read_role(const JsonValue& value, Role& role) {
    role = value.string_is("assistant") ? Role::assistant
           : value.string_is("system")  ? Role::system
                                        : Role::user;
    return role != Role::user || value.string_is("user");
  }

  // The results of tools stand in the user's turn, and are a turn of their own.
  void add_split(Turn turn) {
    if (!has_part(turn.parts, Part::Kind::tool_result)) {
      add_turn(conversation_.turns, std::move(turn));
      return;
    }
    for (Part& part : turn.parts) {
      const Role role = part.kind == Part::Kind::tool_result ? Role::tool : turn.role;
      std::vector<Turn>& turns = conversation_.turns;
      if (&part == &turn.parts.front() || turns.back().role != role) {
        add_turn(turns, {.role = role});
      }
      turns.back().parts.push_back(std::move(part));
    }
  }

  void take_tools(const JsonValue& value) {
    for (const JsonValue& one : json_elements(faults_.list(value, "tools"))) {
      Tool tool;
      for (const JsonMember& member : json_members(one.text)) {
        if (member.key_is("name")) {
          tool.name = faults_.text(member.value, "tools.name");
        } else if (member.key_is("description")) {
          tool.description = faults_.text(member.value, "tools.description");
        } else if (member.key_is("input_schema")) {
          tool.schema = faults_.object(member.value, "tools.input_schema");
        } else if (member.key_is("strict")) {
          tool.strict = member.value.as_bool();
        } else if (member.key_is("type")) {
          if (!member.value.string_is("custom")) tool.json = one.text;
        } else {
          tool.extra.push_back(field_of(member));
        }
      }
      if (!tool.json.empty()) tool = {.json = one.text};
      conversation_.tools.push_back(std::move(tool));
    }
  }

  void take_tool_choice(const JsonValue& value) {
    using Kind = ToolChoice::Kind;
    ToolChoice& choice = conversation_.tool_choice;
    for (const JsonMember& member : json_members(faults_.object(value, "tool_choice"))) {
      if (member.key_is("type")) {
        choice.kind = member.value.string_is("auto")   ? Kind::automatic
                      : member.value.string_is("any")  ? Kind::required
                      : member.value.string_is("none") ? Kind::none
                      : member.value.string_is("tool") ? Kind::function
                                                       : Kind::unset;
        if (choice.kind == Kind::unset) {
          faults_.note("`tool_choice.type` must be auto, any, tool or none");
        }
      } else if (member.key_is("name")) {
        choice.name = raw_text(member.value);
      } else if (member.key_is("disable_parallel_tool_use")) {
        const auto disabled = member.value.as_bool();
        if (disabled) conversation_.parallel_tools = !*disabled;
      }
    }
  }

  void take_metadata(const JsonValue& value) {
    for (const JsonMember& member : json_members(faults_.object(value, "metadata"))) {
      if (!member.key_is("user_id")) {
        conversation_.extra.push_back(field_of(member, "metadata"));
      } else if (!member.value.is_null()) {
        conversation_.parameter(Parameter::user) = member.value.text;
      }
    }
  }

  void take_thinking(const JsonValue& value) {
    using Kind = Reasoning::Kind;
    Kind& kind = conversation_.reasoning.kind;
    const auto type = json_find(value.text, "type");
    // It does not think, and shows as thoughts what it does between its calls: to others the first
    // can be said.
    if (type && type->string_is("between_tools")) {
      kind = Kind::off;
      conversation_.extra.push_back({"thinking", value.text});
      return;
    }
    for (const JsonMember& member : json_members(faults_.object(value, "thinking"))) {
      if (member.key_is("type")) {
        kind = member.value.string_is("enabled")    ? Kind::on
               : member.value.string_is("adaptive") ? Kind::adaptive
               : member.value.string_is("disabled") ? Kind::off
                                                    : Kind::unset;
        if (kind == Kind::unset) {
          faults_.note("`thinking.type` must be enabled, adaptive, disabled or between_tools");
        }
      } else if (member.key_is("budget_tokens") && member.value.kind == JsonKind::number) {
        conversation_.reasoning.budget = member.value.text;
      } else {
        conversation_.extra.push_back(field_of(member, "thinking"));
      }
    }
  }

  void take_output_config(const JsonValue& value) {
    for (const JsonMember& member : json_members(faults_.object(value, "output_config"))) {
      if (member.key_is("effort")) {
        conversation_.reasoning.effort = raw_text(member.value);
        continue;
      }
      if (member.key_is("format")) {
        take_format(member, "output_config");
      } else {
        conversation_.extra.push_back(field_of(member, "output_config"));
      }
    }
  }

  // A member of the request's own is what betas had it as.
  void take_format(const JsonMember& member, std::string_view within) {
    const auto schema = json_find(member.value.text, "schema");
    if (schema && schema->kind == JsonKind::object) {
      conversation_.format.kind = ResponseFormat::Kind::json_schema;
      conversation_.format.schema = schema->text;
    } else {
      conversation_.extra.push_back(field_of(member, within));
    }
  }

  Conversation& conversation_;
  RequestFaults faults_;
  TranslationLoss loss_;
  Reading reading_;
  bool messages_seen_ = false;
  bool system_seen_ = false;
};

}  // namespace

Result<Conversation> read_anthropic_request(std::string_view body) {
  const auto scanned = scan_object(body, conversation_limits, [](const JsonMember&) {});
  if (!scanned) return std::unexpected(scanned.error());
  Conversation conversation{.dialect = Dialect::anthropic};
  RequestReader reader(conversation);
  for (const JsonMember& member : json_members(body))
    reader.take(member);
  const auto finished = reader.finish();
  if (!finished) return std::unexpected(finished.error());
  return conversation;
}

Result<Answer> read_anthropic_answer(std::string_view text) {
  const auto scanned = scan_object(text, conversation_limits, [](const JsonMember&) {});
  if (!scanned) {
    return fail(ErrorCode::upstream_garbage, "the answer is not a JSON object, or too large a one");
  }
  Answer answer{.dialect = Dialect::anthropic};
  RequestFaults faults;
  TranslationLoss loss;
  Reading reading{answer.kept, faults, loss};
  std::optional<StopReason> stop;
  for (const JsonMember& member : json_members(text)) {
    if (member.key_is("id")) {
      answer.id = raw_text(member.value);
    } else if (member.key_is("model")) {
      answer.model = raw_text(member.value);
    } else if (member.key_is("content")) {
      read_content(member.value, Within::message, answer.parts, reading);
      take_citations(Dialect::anthropic, answer.parts);
    } else if (member.key_is("stop_reason")) {
      if (!member.value.is_null()) stop = read_anthropic_stop(member.value.raw_string());
    } else if (member.key_is("stop_sequence")) {
      answer.stop_sequence = raw_text(member.value);
    } else if (member.key_is("usage")) {
      (void)read_usage(Dialect::anthropic, member.value.text, answer.usage);
    }
  }
  if (!faults.result() || !stop) {
    return fail(ErrorCode::upstream_garbage, "the answer is not a message");
  }
  answer.stop = *stop;
  // llama-server says end_turn and names the sequence all the same.
  if (answer.stop == StopReason::end && !answer.stop_sequence.empty()) {
    answer.stop = StopReason::stop_sequence;
  }
  return answer;
}

}  // namespace rocket
