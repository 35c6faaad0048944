#include "schema/chat_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "schema/chat_parts.h"
#include "schema/chat_settings.h"
#include "schema/citations.h"
#include "schema/later_system.h"
#include "schema/legacy_functions.h"
#include "schema/parameters.h"
#include "schema/raw_characters.h"
#include "schema/shown_tools.h"
#include "schema/token_estimate.h"

namespace rocket {
namespace {

void write_call(const Part& call, std::string_view id, const ChatWriting& to) {
  to.out.open('{').key("id");
  if (call.id.empty()) {
    to.out.quoted(id);
  } else {
    to.out.text(call.id);
  }
  to.out.key("type").quoted("function").key("function").open('{').key("name").text(call.name);
  to.out.key("arguments").quoted(call.arguments).close('}');
  to.extra(call.extra);
  to.out.close('}');
}

// The members of a message of the assistant's besides its role. `id` is for calls without one.
class AssistantWriter {
 public:
  AssistantWriter(const std::vector<Part>& parts, const ChatWriting& to) : parts_(parts), to_(to) {}

  void write(std::string_view id) {
    gather();
    to_.out.key("content");
    if (content_.empty()) {
      const bool nothing = calls_.empty() && (refusal_ == nullptr || !to_.answer);
      to_.out.json(nothing ? "\"\"" : "null");
    } else if (to_.answer && content_.size() > 1) {
      write_joined();
    } else {
      write_chat_parts(content_, to_);
    }
    if (refusal_ != nullptr) {
      to_.out.key("refusal").text(refusal_->text);
    } else if (to_.answer) {
      to_.out.key("refusal").json("null");  // their description has it in every answer
    }
    write_annotations();
    write_thinking();
    if (calls_.empty()) return;
    if (to_.legacy_functions) {
      write_legacy_call(*calls_.front());
      return;
    }
    to_.out.key("tool_calls").open('[');
    size_t n = 0;
    for (const Part* call : calls_) {
      if (call->kind == Part::Kind::foreign) {
        to_.out.json(call->json);
      } else {
        write_call(*call, fmt::format("call_{}_{}", id, n), to_);
      }
      ++n;
    }
    to_.out.close(']');
  }

 private:
  void gather() {
    for (const Part& part : parts_) {
      switch (part.kind) {
        case Part::Kind::thinking: take_thinking(part); break;
        case Part::Kind::redacted_thinking: to_.loss.drop("redacted_thinking"); break;
        case Part::Kind::refusal:
          if (refusal_ != nullptr) to_.loss.drop("refusal");
          to_.loss.drop(part.extra);
          refusal_ = &part;
          break;
        case Part::Kind::tool_call: calls_.push_back(&part); break;
        case Part::Kind::foreign:
          if (to_.from == Dialect::chat && json_find(part.json, "id")) {
            calls_.push_back(&part);
            break;
          }
          [[fallthrough]];
        default:
          if (!chat_can_write(part, to_)) break;
          // What was said between calls is said before them.
          if (!calls_.empty()) to_.loss.emulate("order");
          content_.push_back(in_chat_words(part, to_));
      }
    }
  }

  // There is room for one.
  void write_legacy_call(const Part& call) {
    if (calls_.size() > 1) to_.loss.drop("tool_calls");
    to_.out.key("function_call").open('{').key("name").text(call.name);
    to_.out.key("arguments").quoted(call.arguments).close('}');
  }

  void take_thinking(const Part& part) {
    if (to_.from != Dialect::chat) to_.loss.drop(part.extra);
    if (!to_.additions) {
      to_.loss.drop("thinking");
      return;
    }
    if (!part.signature.empty()) to_.loss.drop("thinking.signature");
    if (!content_.empty() || !calls_.empty()) to_.loss.emulate("order");
    thinking_.push_back(&part);
  }

  // Clients read a string.
  void write_joined() {
    to_.loss.emulate("content");
    to_.out.begin_text();
    for (const Part& part : content_) {
      if (part.kind == Part::Kind::text) {
        to_.out.add_text(part.text.inside);
      } else {
        to_.loss.drop(part.kind == Part::Kind::foreign ? foreign_type(part.json) : "content");
      }
    }
    to_.out.end_text();
  }

  // Of the message: where they are is counted through all its texts.
  void write_annotations() {
    const auto uncited = [](const Part& part) { return part.citations.empty(); };
    if (std::ranges::all_of(content_, uncited)) return;
    if (!to_.answer && to_.from != Dialect::chat) {
      to_.loss.drop("citations");
      return;
    }
    to_.out.key("annotations").open('[');
    size_t offset = 0;
    for (const Part& part : content_) {
      if (part.kind != Part::Kind::text) continue;
      const std::vector<Citation> told =
          told_citations(part, {to_.from, Dialect::chat, to_.answer, to_.loss});
      rocket::write_annotations(Dialect::chat, told, part.text, offset, to_.out);
      offset += count_characters(part.text.inside);
    }
    to_.out.close(']');
  }

  void write_thinking() {
    if (thinking_.empty()) return;
    to_.out.key(to_.thinking_name).begin_text();
    for (const Part* part : thinking_) {
      if (part != thinking_.front()) to_.out.add_text("\\n\\n");
      to_.out.add_text(part->text.inside);
    }
    to_.out.end_text();
    if (thinking_.size() > 1) to_.loss.emulate("thinking");
  }

  const std::vector<Part>& parts_;
  const ChatWriting& to_;
  std::vector<Part> content_;
  std::vector<const Part*> thinking_;
  std::vector<const Part*> calls_;
  const Part* refusal_ = nullptr;
};

// A tool gives text; its images come after it (shown_by_user), what else it gives is lost.
bool is_shown_by_user(const Part& part) {
  return part.kind == Part::Kind::image && part.media.source != Media::Source::file;
}

void write_result(const Part& result, const ChatWriting& to) {
  std::vector<Part> texts;
  for (const Part& part : result.content) {
    if (part.kind == Part::Kind::text) {
      texts.push_back(part);
    } else if (part.kind == Part::Kind::foreign && !part.text.empty()) {
      to.loss.emulate(foreign_type(part.json));
      texts.push_back(in_chat_words(part, to));
    } else if (part.kind == Part::Kind::document && part.media.source == Media::Source::text) {
      to.loss.emulate("document");
      texts.push_back({.text = part.media.data});
    } else if (!is_shown_by_user(part)) {
      to.loss.drop(part.kind == Part::Kind::image ? "tool_result.image" : "tool_result.content");
    }
  }
  if (result.failed) to.loss.drop("tool_result.is_error");
  to.out.open('{').key("role").quoted("tool").key("tool_call_id").text(result.id);
  if (!result.name.empty()) to.out.key("name").text(result.name);
  to.out.key("content");
  write_chat_parts(texts, to);
  to.extra(result.extra);
  to.out.close('}');
}

// A client of another dialect asks a model that people run themselves. Its template is not known:
// what is written is what all of them take.
bool is_for_own_model(const ChatWriting& to) {
  return to.additions && to.from != Dialect::chat;
}

// Models that people run themselves know no developers: their templates would leave them out.
std::string_view role_word(Role role, const ChatWriting& to) {
  switch (role) {
    case Role::system: return "system";
    case Role::developer: return is_for_own_model(to) ? "system" : "developer";
    case Role::assistant: return "assistant";
    case Role::tool: return "tool";
    default: return "user";
  }
}

void write_turn(const Turn& turn, size_t n, const ChatWriting& to) {
  if (turn.role == Role::tool) {
    for (const Part& result : turn.parts)
      write_result(result, to);
    return;
  }
  to.out.open('{').key("role").quoted(role_word(turn.role, to));
  if (!turn.name.empty()) to.out.key("name").text(turn.name);
  if (turn.role == Role::assistant) {
    AssistantWriter(turn.parts, to).write(fmt::format("{}", n));
  } else {
    to.out.key("content");
    write_chat_parts(turn.parts, to);
  }
  to.extra(turn.extra);
  to.out.close('}');
}

bool only_says(const Turn& turn) {
  return turn.name.empty() && std::ranges::all_of(turn.parts, [](const Part& part) {
           return part.kind == Part::Kind::text;
         });
}

// What the system says in front of all else is one message: templates of models that people run
// themselves refuse a second one or leave it out. So many turns are written by it.
size_t write_first_system(const std::vector<Turn>& turns, const ChatWriting& to) {
  if (!is_for_own_model(to)) return 0;
  size_t end = 0;
  while (end < turns.size() && is_of_system(turns[end]) && only_says(turns[end]))
    ++end;
  if (end == 0) return 0;
  to.out.open('{').key("role").quoted("system").key("content").begin_text();
  bool said = false;
  for (size_t n = 0; n < end; ++n) {
    for (const Part& part : turns[n].parts) {
      to.loss.drop(part.extra);
      if (part.text.empty()) continue;
      if (std::exchange(said, true)) to.out.add_text("\\n\\n");
      to.out.add_text(part.text.inside);
    }
    to.loss.drop(turns[n].extra);
  }
  to.out.end_text();
  to.out.close('}');
  return end;
}

// The images that a turn of results has.
std::vector<Part> shown_by_user(const Turn& turn) {
  std::vector<Part> images;
  if (turn.role != Role::tool) return images;
  for (const Part& result : turn.parts) {
    for (const Part& part : result.content) {
      if (is_shown_by_user(part)) images.push_back(part);
    }
  }
  return images;
}

// Servers take images from users alone: what tools have shown stands at the front of the user's
// turn behind them, or is one. `first`: how many turns came before these.
void write_later_turns(std::span<const Turn> turns, size_t first, const ChatWriting& to) {
  for (size_t n = 0; n < turns.size(); ++n) {
    write_turn(turns[n], first + n, to);
    std::vector<Part> images = shown_by_user(turns[n]);
    if (images.empty()) continue;
    to.loss.emulate("tool_result.image");
    const bool user_follows = n + 1 < turns.size() && turns[n + 1].role == Role::user;
    Turn turn = user_follows ? turns[++n] : Turn{};
    turn.parts.insert(turn.parts.begin(), std::make_move_iterator(images.begin()),
                      std::make_move_iterator(images.end()));
    write_turn(turn, first + n, to);
  }
}

void write_turns(const std::vector<Turn>& turns, const ChatWriting& to) {
  const size_t first = write_first_system(turns, to);
  const std::span<const Turn> later = std::span(turns).subspan(first);
  if (is_for_own_model(to) && std::ranges::any_of(later, is_of_system)) {
    write_later_turns(said_by_user(later, to.loss), first, to);
  } else {
    write_later_turns(later, first, to);
  }
}

// False: there are none, and servers refuse an empty list.
bool write_tools(const Conversation& conversation, const ShownTools& shown, const ChatWriting& to) {
  const bool any = std::ranges::any_of(conversation.tools, [&](const Tool& tool) {
    return (tool.json.empty() || to.from == Dialect::chat) && shown.contain(tool.name);
  });
  if (any) to.out.key("tools").open('[');
  for (const Tool& tool : conversation.tools) {
    const bool foreign = !tool.json.empty();
    if (foreign && to.from != Dialect::chat) to.loss.drop("tools." + foreign_type(tool.json));
    if (!shown.contain(tool.name) || (foreign && to.from != Dialect::chat)) continue;
    if (foreign) {
      to.out.json(tool.json);
      continue;
    }
    to.out.open('{').key("type").quoted("function").key("function").open('{');
    to.out.key("name").text(tool.name);
    if (!tool.description.empty()) to.out.key("description").text(tool.description);
    if (!tool.schema.empty()) to.out.key("parameters").json(tool.schema);
    if (tool.strict) to.out.key("strict").json(*tool.strict ? "true" : "false");
    to.extra(tool.extra);
    to.out.close('}').close('}');
  }
  if (any) to.out.close(']');
  return any;
}

void write_tool_choice(const Conversation& conversation, const ShownTools& shown,
                       const ChatWriting& to) {
  using Kind = ToolChoice::Kind;
  JsonPieces& out = to.out;
  ToolChoice choice = conversation.tool_choice;
  if (to.from != Dialect::chat && chooses_own_tool(conversation)) {
    to.loss.drop("tool_choice");
    choice = {};
  }
  switch (choice.kind) {
    case Kind::unset: break;
    case Kind::automatic: out.key("tool_choice").quoted("auto"); break;
    case Kind::none: out.key("tool_choice").quoted("none"); break;
    case Kind::required: out.key("tool_choice").quoted("required"); break;
    case Kind::function:
      if (!shown.only.empty()) {
        out.key("tool_choice").quoted("required");
        break;
      }
      out.key("tool_choice").open('{').key("type").quoted("function").key("function");
      out.open('{').key("name").text(choice.name).close('}').close('}');
  }
  if (conversation.parallel_tools) {
    out.key("parallel_tool_calls").json(*conversation.parallel_tools ? "true" : "false");
  }
}

void write_stop(const std::vector<RawText>& stop, JsonPieces& out) {
  if (stop.empty()) return;
  out.key("stop").open('[');
  for (const RawText& one : stop)
    out.text(one);
  out.close(']');
}

}  // namespace

JsonPieces write_chat_request(const Conversation& conversation, const RequestFrame& frame,
                              TranslationLoss& loss) {
  JsonPieces out;
  const ChatWriting to{conversation.dialect, out,   loss,
                       frame.additions,      false, frame.thinking_name};
  out.open('{').key("model");
  if (frame.model.empty()) {
    out.text(conversation.model);
  } else {
    out.quoted(frame.model);
  }
  if (conversation.stream) {
    out.key("stream").json("true").key("stream_options");
    out.open('{').key("include_usage").json("true").close('}');
  }
  const ParameterNames names{Dialect::chat, frame.additions, frame.unheeded,
                             limit_that_fits(conversation, frame.context)};
  write_parameters(names, conversation, out, loss);
  write_stop(conversation.stop, out);
  write_chat_reasoning(conversation.reasoning, frame, out, loss);
  if (!conversation.verbosity.empty()) out.key("verbosity").text(conversation.verbosity);
  write_chat_format(conversation.format, frame, out, loss);
  // Without tools it is refused, and says nothing.
  const ShownTools shown = !frame.steers_tools  ? shown_tools(conversation, loss)
                           : !frame.names_tools ? named_tool(conversation, loss)
                                                : ShownTools{};
  const bool any_tools = write_tools(conversation, shown, to);
  if (any_tools && frame.steers_tools) write_tool_choice(conversation, shown, to);
  to.extra(conversation.extra);
  out.key("messages").open('[');
  write_turns(conversation.turns, to);
  out.close(']').close('}');
  return out;
}

JsonPieces write_chat_answer(const Answer& answer, const AnswerFrame& frame,
                             TranslationLoss& loss) {
  JsonPieces out;
  const ChatWriting to{.from = answer.dialect,
                       .out = out,
                       .loss = loss,
                       .answer = true,
                       .legacy_functions = frame.legacy_functions};
  out.open('{').key("id").quoted(fmt::format("chatcmpl-{}", frame.id));
  out.key("object").quoted("chat.completion").key("created").json(fmt::format("{}", frame.created));
  out.key("model");
  if (answer.model.empty()) {
    out.quoted(frame.model);
  } else {
    out.text(answer.model);
  }
  out.key("choices").open('[').open('{').key("index").json("0").key("message");
  out.open('{').key("role").quoted("assistant");
  AssistantWriter(answer.parts, to).write(frame.id);
  out.close('}').key("logprobs").json("null").key("finish_reason");
  out.quoted(frame.legacy_functions ? legacy_stop_word(answer.stop)
                                    : stop_word(Dialect::chat, answer.stop));
  out.close('}').close(']');
  std::string usage;
  write_usage(Dialect::chat, answer.usage, usage);
  out.key("usage").json(usage).close('}');
  return out;
}

}  // namespace rocket
