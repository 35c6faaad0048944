#include "schema/anthropic_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/stable_split.h"
#include "schema/anthropic_blocks.h"
#include "schema/closed_schema.h"
#include "schema/parameters.h"
#include "schema/sealed_thoughts.h"

namespace rocket {
namespace {

// What stands in one message: turns of one side that follow each other, since the provider wants
// them to alternate, and the results of tools at the front of the user's.
struct Message {
  Role role;  // user or assistant
  std::vector<const Part*> parts;
};

bool is_system(const Turn& turn) {
  return turn.role == Role::system || turn.role == Role::developer;
}

class RequestWriter {
 public:
  RequestWriter(const Conversation& conversation, const RequestFrame& frame, TranslationLoss& loss)
      : conversation_(conversation),
        frame_(frame),
        loss_(loss),
        blocks_(conversation.dialect, AnthropicBlocks::Place::request, out_, loss) {}

  [[nodiscard]] JsonPieces write() {
    out_.open('{').key("model");
    if (frame_.model.empty()) {
      out_.text(conversation_.model);
    } else {
      out_.quoted(frame_.model);
    }
    out_.key("max_tokens");
    if (const std::string_view odd = odd_tokens(); odd.empty()) {
      out_.json(fmt::format("{}", max_tokens()));
    } else {
      out_.json(odd);
    }
    if (conversation_.stream) out_.key("stream").json("true");
    write_tools();
    write_tool_choice();
    write_turns();
    write_parameters({Dialect::anthropic}, conversation_, out_, loss_);
    write_temperature();
    write_top_p();
    write_reasoning();
    write_output_config();
    write_stop();
    write_metadata();
    if (!conversation_.verbosity.empty()) loss_.drop("verbosity");
    write_extra({});
    out_.close('}');
    return std::move(out_);
  }

 private:
  // The provider's own members, of the request or of one of its objects. Those of others are all
  // lost at once.
  void write_extra(std::string_view within) {
    if (!from_provider()) {
      for (const Field& field : conversation_.extra) {
        // Those who ask for what is sealed are given it.
        if (within.empty() && !asks_for_seals(field)) loss_.drop({field});
      }
      return;
    }
    for (const Field& field : conversation_.extra) {
      if (field.within == within) out_.field(field);
    }
  }
  [[nodiscard]] bool has_extra(std::string_view within) const {
    return from_provider() && std::ranges::find(conversation_.extra, within, &Field::within) !=
                                  conversation_.extra.end();
  }
  [[nodiscard]] bool from_provider() const { return conversation_.dialect == Dialect::anthropic; }

  // Of a type that only the provider has: it stands among its own members.
  [[nodiscard]] bool has_own_thinking() const {
    return from_provider() && std::ranges::any_of(conversation_.extra, [](const Field& field) {
             return field.within.empty() && field.key == "thinking";
           });
  }

  void write_metadata() {
    const std::string_view user = conversation_.parameter(Parameter::user);
    const bool named = user.starts_with('"');
    if (!named && !has_extra("metadata")) return;
    out_.key("metadata").open('{');
    if (named) out_.key("user_id").json(user);
    write_extra("metadata");
    out_.close('}');
  }

  [[nodiscard]] std::optional<std::int64_t> asked_tokens() const {
    const JsonValue asked{JsonKind::number, conversation_.parameter(Parameter::max_tokens)};
    return asked.as_int();
  }
  // A limit that is no number of tokens: for the provider to refuse, as all others do.
  [[nodiscard]] std::string_view odd_tokens() const {
    return asked_tokens() ? std::string_view() : conversation_.parameter(Parameter::max_tokens);
  }
  // The provider has to be told: what the model can give, and where that is not known, what any
  // can; thinking comes on top.
  [[nodiscard]] std::int64_t max_tokens() const {
    if (const auto asked = asked_tokens()) return *asked;
    if (frame_.max_tokens != 0) return frame_.max_tokens;
    return answer_tokens + (makes_budget() ? budget_of(conversation_.reasoning.effort) : 0);
  }
  // Of it at least half is for the answer.
  [[nodiscard]] std::int64_t budget() const {
    const std::int64_t wanted = budget_of(conversation_.reasoning.effort);
    const bool on_top = !asked_tokens() && frame_.max_tokens == 0;
    return on_top ? wanted : std::min(wanted, max_tokens() / 2);
  }
  // Others ask for an effort. A model that thinks as much as it finds right is told it, and may
  // refuse a budget; for an older one it becomes a number.
  [[nodiscard]] bool gives_effort() const {
    return !from_provider() && conversation_.reasoning.kind == Reasoning::Kind::on &&
           conversation_.reasoning.budget.empty() && frame_.thinking.adaptive;
  }
  [[nodiscard]] bool makes_budget() const {
    const Reasoning& reasoning = conversation_.reasoning;
    return reasoning.kind == Reasoning::Kind::on && reasoning.budget.empty() && !gives_effort();
  }

  void write_turns() {
    const auto& turns = conversation_.turns;
    size_t first = 0;
    while (first < turns.size() && is_system(turns[first]))
      ++first;
    // The provider wants to be told something by a user.
    if (first == turns.size() && first != 0) --first;
    write_system(first);
    std::vector<Message> messages;
    for (size_t i = first; i < turns.size(); ++i)
      take_turn(turns[i], messages);
    out_.key("messages").open('[');
    size_t call = 0;
    for (Message& message : messages) {
      const auto is_result = [](const Part* part) { return part->kind == Part::Kind::tool_result; };
      if (!std::ranges::is_partitioned(message.parts, is_result)) {
        stable_split(message.parts, is_result);
        loss_.emulate("order");
      }
      out_.open('{').key("role").quoted(message.role == Role::assistant ? "assistant" : "user");
      out_.key("content").open('[');
      for (const Part* part : message.parts)
        blocks_.write(*part, fmt::format("call_{}", call++));
      out_.close(']').close('}');
    }
    out_.close(']');
  }

  // What stands in front of all else; only text can.
  void write_system(size_t end) {
    std::vector<const Part*> parts;
    for (size_t i = 0; i < end; ++i) {
      for (const Part& part : conversation_.turns[i].parts) {
        if (part.kind != Part::Kind::text) {
          loss_.drop("system");
        } else if (blocks_.can_write(part)) {
          parts.push_back(&part);
        }
      }
      note_lost(conversation_.turns[i]);
    }
    if (parts.empty()) return;
    out_.key("system").open('[');
    for (const Part* part : parts)
      blocks_.write(*part, {});
    out_.close(']');
  }

  void note_lost(const Turn& turn) {
    if (!turn.name.empty()) loss_.drop("messages.name");
    loss_.drop(turn.extra);
  }

  void take_turn(const Turn& turn, std::vector<Message>& messages) {
    note_lost(turn);
    // In the middle the provider has no place for it that all its models know.
    if (is_system(turn)) loss_.emulate("system");
    const Role role = turn.role == Role::assistant ? Role::assistant : Role::user;
    for (const Part& part : turn.parts) {
      if (!blocks_.can_write(part)) continue;
      if (messages.empty() || messages.back().role != role) messages.push_back({role, {}});
      messages.back().parts.push_back(&part);
    }
  }

  void write_tools() {
    if (conversation_.tools.empty()) return;
    out_.key("tools").open('[');
    for (const Tool& tool : conversation_.tools) {
      if (!tool.json.empty()) {
        if (conversation_.dialect == Dialect::anthropic) {
          out_.json(tool.json);
        } else {
          loss_.drop("tools." + foreign_type(tool.json));
        }
        continue;
      }
      out_.open('{').key("name").text(tool.name);
      if (!tool.description.empty()) out_.key("description").text(tool.description);
      out_.key("input_schema");
      write_schema(tool.schema);
      if (tool.strict) out_.key("strict").json(*tool.strict ? "true" : "false");
      blocks_.write_extra(tool.extra);
      out_.close('}');
    }
    out_.close(']');
  }

  // It has to say that it is an object's.
  void write_schema(std::string_view schema) {
    if (schema.empty()) schema = R"({"properties":{}})";
    if (json_find(schema, "type")) {
      out_.json(schema);
      return;
    }
    out_.open('{').key("type").quoted("object");
    for (const JsonMember& member : json_members(schema))
      out_.field({member.key, member.value.text});
    out_.close('}');
  }

  // Without tools it is refused, and says nothing.
  void write_tool_choice() {
    using Kind = ToolChoice::Kind;
    const ToolChoice& choice = conversation_.tool_choice;
    const bool parallel = conversation_.parallel_tools.value_or(true);
    if (conversation_.tools.empty() || (choice.kind == Kind::unset && parallel)) return;
    out_.key("tool_choice").open('{').key("type");
    switch (choice.kind) {
      case Kind::none: out_.quoted("none"); break;
      case Kind::required: out_.quoted("any"); break;
      case Kind::function: out_.quoted("tool").key("name").text(choice.name); break;
      default: out_.quoted("auto");
    }
    if (conversation_.parallel_tools && choice.kind != Kind::none) {
      out_.key("disable_parallel_tool_use").json(parallel ? "false" : "true");
    }
    out_.close('}');
  }

  // Goes to 1 here and to 2 elsewhere.
  void write_temperature() {
    const std::string_view asked = conversation_.parameter(Parameter::temperature);
    if (asked.empty()) return;
    const bool hot = JsonValue{JsonKind::number, asked}.as_double().value_or(0) > 1;
    if (hot) loss_.emulate("temperature");
    out_.key("temperature").json(hot ? "1" : asked);
  }

  // Its models refuse it beside a temperature, which says the same in another way.
  void write_top_p() {
    const std::string_view asked = conversation_.parameter(Parameter::top_p);
    if (asked.empty()) return;
    const bool refused =
        !from_provider() && !conversation_.parameter(Parameter::temperature).empty();
    if (!refused) {
      out_.key("top_p").json(asked);
    } else if (top_p() != 1) {
      loss_.drop("top_p");
    }
  }
  [[nodiscard]] double top_p() const {
    const JsonValue asked{JsonKind::number, conversation_.parameter(Parameter::top_p)};
    return asked.as_double().value_or(1);
  }

  void write_reasoning() {
    using Kind = Reasoning::Kind;
    const Reasoning& reasoning = conversation_.reasoning;
    if (reasoning.kind == Kind::unset || has_own_thinking()) return;
    const bool off = reasoning.kind == Kind::off || !can_think();
    const bool can_be_off = from_provider() || !frame_.thinking.always;
    if (off && (reasoning.kind != Kind::off || !can_be_off)) loss_.drop("thinking");
    if (off && !can_be_off) return;
    out_.key("thinking").open('{').key("type");
    if (off) {
      out_.quoted("disabled");
    } else if (reasoning.kind == Kind::adaptive || gives_effort()) {
      out_.quoted("adaptive");
    } else {
      out_.quoted("enabled").key("budget_tokens");
      if (reasoning.budget.empty()) {
        loss_.emulate("thinking");
        out_.json(fmt::format("{}", budget()));
      } else {
        out_.json(reasoning.budget);
      }
    }
    write_extra("thinking");
    out_.close('}');
  }

  // An effort has to be within the provider's rules, also if it is made a budget; a budget is the
  // client's own. Who thinks as much as it finds right need not have thought before.
  [[nodiscard]] bool can_think() const {
    const Reasoning& reasoning = conversation_.reasoning;
    if (!from_provider() && (is_forced() || (calls_unthought() && !gives_effort()))) return false;
    if (reasoning.kind == Reasoning::Kind::adaptive || !reasoning.budget.empty()) return true;
    const bool room = gives_effort() || budget() >= thinking_min;
    return room && top_p() >= thinking_top_p_min &&
           conversation_.parameter(Parameter::top_k).empty() &&
           conversation_.parameter(Parameter::temperature).empty();
  }

  // A tool that has to be called leaves nothing to think about: the provider refuses both together.
  [[nodiscard]] bool is_forced() const {
    using Kind = ToolChoice::Kind;
    const Kind kind = conversation_.tool_choice.kind;
    return !conversation_.tools.empty() && (kind == Kind::required || kind == Kind::function);
  }
  // The last calls of tools came without what the provider would have signed before them, as other
  // dialects lose it: it refuses to think on from there.
  [[nodiscard]] bool calls_unthought() const {
    for (auto turn = conversation_.turns.rbegin(); turn != conversation_.turns.rend(); ++turn) {
      if (turn->role != Role::assistant) continue;
      const bool thought = std::ranges::any_of(turn->parts, [](const Part& part) {
        return part.kind == Part::Kind::redacted_thinking ||
               (part.kind == Part::Kind::thinking && !part.signature.empty());
      });
      return !thought && has_part(turn->parts, Part::Kind::tool_call);
    }
    return false;
  }

  [[nodiscard]] static std::int64_t budget_of(RawText effort) {
    if (effort.is("minimal")) return thinking_min;
    if (effort.is("low")) return 2048;
    return effort.is("high") || effort.is("xhigh") || effort.is("max") ? 16384 : 8192;
  }

  // Its own client's, or the nearest word that the model knows and is not more.
  [[nodiscard]] RawText effort_to_give() const {
    const RawText effort = conversation_.reasoning.effort;
    if (from_provider()) return effort;
    if (!gives_effort() || !can_think()) return {};
    if (effort.is("minimal")) return {"low"};
    return effort.is("xhigh") && !frame_.thinking.xhigh ? RawText{"high"} : effort;
  }

  void write_output_config() {
    using Kind = ResponseFormat::Kind;
    const ResponseFormat& format = conversation_.format;
    const RawText effort = effort_to_give();
    const bool has_schema = format.kind == Kind::json_schema && !format.schema.empty();
    const bool has_effort = !effort.empty();
    if (has_effort && !effort.is(conversation_.reasoning.effort.decoded())) {
      loss_.emulate("thinking");
    }
    if (!has_schema && (format.kind == Kind::json_object || format.kind == Kind::json_schema)) {
      loss_.drop("response_format");
    }
    if (!format.description.empty()) loss_.drop("response_format.description");
    if (!has_schema && !has_effort && !has_extra("output_config")) return;
    out_.key("output_config").open('{');
    if (has_effort) out_.key("effort").text(effort);
    if (has_schema) {
      out_.key("format").open('{').key("type").quoted("json_schema");
      write_format_schema(format.schema);
      out_.close('}');
    }
    write_extra("output_config");
    out_.close('}');
  }

  void write_format_schema(std::string_view schema) {
    out_.key("schema");
    if (from_provider()) {
      out_.json(schema);
    } else if (write_closed_schema({JsonKind::object, schema}, out_)) {
      loss_.emulate("response_format");
    }
  }

  // Those of nothing but space are refused.
  void write_stop() {
    std::vector<RawText> stop;
    for (const RawText& one : conversation_.stop) {
      if (one.decoded().find_first_not_of(" \t\r\n") == std::string::npos) {
        loss_.drop("stop");
      } else {
        stop.push_back(one);
      }
    }
    if (stop.empty()) return;
    out_.key("stop_sequences").open('[');
    for (const RawText& one : stop)
      out_.text(one);
    out_.close(']');
  }

  static constexpr std::int64_t thinking_min = 1024;  // the provider's, as the next
  static constexpr double thinking_top_p_min = 0.95;
  static constexpr std::int64_t answer_tokens = 4096;  // that all of its models can give

  const Conversation& conversation_;
  const RequestFrame& frame_;
  TranslationLoss& loss_;
  JsonPieces out_;
  AnthropicBlocks blocks_;
};

}  // namespace

JsonPieces write_anthropic_request(const Conversation& conversation, const RequestFrame& frame,
                                   TranslationLoss& loss) {
  return RequestWriter(conversation, frame, loss).write();
}

JsonPieces write_anthropic_answer(const Answer& answer, const AnswerFrame& frame,
                                  TranslationLoss& loss) {
  JsonPieces out;
  AnthropicBlocks blocks(answer.dialect, AnthropicBlocks::Place::answer, out, loss);
  out.open('{').key("id").quoted(fmt::format("msg_{}", frame.id));
  out.key("type").quoted("message").key("role").quoted("assistant").key("model");
  if (answer.model.empty()) {
    out.quoted(frame.model);
  } else {
    out.text(answer.model);
  }
  out.key("content").open('[');
  size_t n = 0;
  for (const Part& part : answer.parts) {
    if (blocks.can_write(part)) blocks.write(part, fmt::format("toolu_{}_{}", frame.id, n++));
  }
  // OpenAI's models refuse in a text of its own kind, and end as usual.
  const bool refused =
      answer.stop == StopReason::end && has_part(answer.parts, Part::Kind::refusal);
  const StopReason stop = refused ? StopReason::content_filter : answer.stop;
  out.close(']').key("stop_reason").quoted(stop_word(Dialect::anthropic, stop));
  out.key("stop_sequence");
  if (answer.stop_sequence.empty()) {
    out.json("null");
  } else {
    out.text(answer.stop_sequence);
  }
  std::string usage;
  write_usage(Dialect::anthropic, answer.usage, usage);
  out.key("usage").json(usage).close('}');
  return out;
}

}  // namespace rocket
