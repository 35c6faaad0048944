#include "testing/conversation_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/stable_split.h"
#include "schema/media.h"
#include "schema/parameters.h"
#include "schema/raw_characters.h"
#include "schema/sealed_thoughts.h"

namespace rocket {
namespace {

// The same value however it is written.
std::string plain_json(std::string_view json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  return parsed.is_discarded() ? std::string(json) : parsed.dump();
}

class Teller {
 public:
  enum class Of : unsigned char { request, answer };
  Teller(Dialect target, const TranslationLoss& loss, Of of = Of::request)
      : target_(target), loss_(loss), of_(of) {}

  void tell(std::string_view what, std::string_view value) {
    if (value.empty() || loss_.names(what)) return;
    out_ += what;
    out_ += '=';
    out_ += value;
    out_ += '\n';
  }

  void tell(const std::vector<Field>& extra) {
    std::vector<std::string> lines;
    for (const Field& field : extra) {
      if (field.says_nothing() || loss_.names(field.key)) continue;
      // It gives what is asked for without being asked.
      if (target_ == Dialect::anthropic && asks_for_seals(field)) continue;
      lines.push_back(std::string(field.within) + "/" + std::string(field.key) + ":" +
                      plain_json(field.json));
    }
    std::ranges::sort(lines);
    for (const std::string& line : lines)
      tell("extra", line);
  }

  void tell_turns(std::vector<Turn> turns) {
    if (users_speak_for_system()) let_users_speak(turns);
    if (target_ == Dialect::chat && loss_.names("tool_result.image")) show_by_user(turns);
    const Turn* before = nullptr;
    std::vector<Part> parts;
    for (const Turn& turn : turns) {
      // Where turns are joined, one that says nothing is none.
      const auto lost = [&](const Part& part) { return is_lost(part); };
      if (merges() && std::ranges::all_of(turn.parts, lost)) continue;
      const bool joins = before != nullptr && (merges() || is_system(turn) || is_mixed(turn)) &&
                         role_of(*before) == role_of(turn);
      if (!joins) {
        tell_parts_of(before, std::exchange(parts, {}));
        tell("role", role_of(turn));
      }
      parts.insert(parts.end(), turn.parts.begin(), turn.parts.end());
      if (!turn.name.empty()) tell("messages.name", turn.name.decoded());
      tell(turn.extra);
      before = &turn;
    }
    tell_parts_of(before, std::move(parts));
  }

  void tell_parts(std::vector<Part> parts) {
    std::erase_if(parts, [&](const Part& part) { return is_lost(part); });
    for (Part& part : parts)
      change(part);
    // One text after the other, and what is seen before what is done.
    if (is_ollama(target_) || loss_.names("order")) {
      for (int most = ranks; most-- > 0;)
        stable_split(parts, [&](const Part& part) { return rank(part.kind) <= most; });
    }
    std::string texts;
    for (const Part& part : parts) {
      if (part.kind == Part::Kind::text && joins_texts()) {
        if (!texts.empty() && of_ == Of::request) texts += '\n';
        tell_citations(part, count_characters(json_quoted(texts)) - 2);
        texts += part.text.decoded();
        tell(part.extra);
        continue;
      }
      tell("text", std::exchange(texts, {}));
      tell(part);
    }
    tell("text", texts);
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  // Anthropic refuses texts of nothing but space.
  [[nodiscard]] bool drops_blanks() const { return target_ == Dialect::anthropic; }
  [[nodiscard]] static bool is_blank(RawText text) {
    return text.decoded().find_first_not_of(" \t\r\n") == std::string::npos;
  }

  // Ollama has one text only, and so have chat's answers.
  [[nodiscard]] bool joins_texts() const {
    return is_ollama(target_) || (of_ == Of::answer && loss_.names("content"));
  }

  [[nodiscard]] bool merges() const {
    return target_ == Dialect::anthropic || target_ == Dialect::responses;
  }

  // Of whom chat makes one message, in front.
  [[nodiscard]] bool is_system(const Turn& turn) const {
    return target_ == Dialect::chat && role_of(turn) == "system";
  }

  // What the system says later, the user may have had to say, in one turn with his own.
  [[nodiscard]] bool users_speak_for_system() const {
    return target_ == Dialect::chat && loss_.names("system");
  }
  [[nodiscard]] bool is_mixed(const Turn& turn) const {
    return users_speak_for_system() && turn.role == Role::user;
  }
  static void let_users_speak(std::vector<Turn>& turns) {
    const auto is_of_system = [](const Turn& turn) {
      return turn.role == Role::system || turn.role == Role::developer;
    };
    const auto is_in_front = [&](const Turn& turn) {
      return is_of_system(turn) && turn.name.empty() &&
             std::ranges::all_of(turn.parts,
                                 [](const Part& part) { return part.kind == Part::Kind::text; });
    };
    for (auto turn = std::ranges::find_if_not(turns, is_in_front); turn != turns.end(); ++turn) {
      if (is_of_system(*turn)) turn->role = Role::user;
    }
  }

  // Of a turn, or of several that are one. What the system says is one text in chat.
  void tell_parts_of(const Turn* turn, std::vector<Part> parts) {
    if (turn == nullptr || !is_system(*turn)) {
      tell_parts(std::move(parts));
      return;
    }
    std::erase_if(parts, [&](const Part& part) { return is_lost(part); });
    std::string said;
    for (Part& part : parts) {
      change(part);
      if (part.kind != Part::Kind::text) {
        tell("text", std::exchange(said, {}));
        tell(part);
        continue;
      }
      said += (said.empty() ? "" : "\n\n") + part.text.decoded();
      tell(part.extra);
    }
    tell("text", said);
  }

  [[nodiscard]] std::string_view role_of(const Turn& turn) const {
    // Of another dialect's he is the system to models that people run themselves.
    const bool developer = target_ == Dialect::responses;
    switch (turn.role) {
      case Role::developer:
        if (developer) return "developer";
        [[fallthrough]];
      case Role::system:
        // In the middle it may have had to become the user's; chat's have done so before.
        return loss_.names("system") && target_ != Dialect::chat ? "user" : "system";
      case Role::assistant: return "assistant";
      case Role::tool: return "tool";
      default: return "user";
    }
  }

  // What tools have shown is shown by the user behind them.
  static void show_by_user(std::vector<Turn>& turns) {
    for (size_t i = 0; i < turns.size(); ++i) {
      if (turns[i].role != Role::tool) continue;
      std::vector<Part> images;
      for (const Part& result : turns[i].parts) {
        std::ranges::copy_if(result.content, std::back_inserter(images), [](const Part& part) {
          return part.kind == Part::Kind::image && part.media.source != Media::Source::file;
        });
      }
      if (images.empty()) continue;
      if (i + 1 == turns.size() || turns[i + 1].role != Role::user) {
        turns.insert(turns.begin() + static_cast<std::ptrdiff_t>(i) + 1, Turn{});
      }
      std::vector<Part>& parts = turns[i + 1].parts;
      parts.insert(parts.begin(), images.begin(), images.end());
    }
  }

  static constexpr int ranks = 4;
  static int rank(Part::Kind kind) {
    switch (kind) {
      case Part::Kind::thinking: return 0;
      case Part::Kind::image: return 2;
      case Part::Kind::refusal: return 3;
      case Part::Kind::tool_call: return 4;
      default: return 1;
    }
  }

  [[nodiscard]] bool is_lost(const Part& part) const {
    using Kind = Part::Kind;
    const bool text = part.kind == Kind::text || part.kind == Kind::refusal;
    switch (part.kind) {
      case Kind::thinking: return loss_.names("thinking");
      case Kind::redacted_thinking: return loss_.names("redacted_thinking");
      case Kind::foreign: return part.text.empty() && loss_.names(foreign_type(part.json));
      case Kind::image:
        return loss_.names(part.media.source == Media::Source::url ? "image_url" : "image");
      case Kind::document:
        return loss_.names("document") && (part.media.source != Media::Source::text);
      default: return text && (part.text.empty() || (drops_blanks() && is_blank(part.text)));
    }
  }

  // What is said in another way, as it is said then.
  void change(Part& part) const {
    if (part.kind == Part::Kind::document && loss_.names("document")) {
      part.kind = Part::Kind::text;
      part.text = part.media.data;
    }
    if (part.kind == Part::Kind::refusal && loss_.names("refusal")) part.kind = Part::Kind::text;
    const bool foreign = part.kind == Part::Kind::foreign && !part.text.empty();
    if (foreign && loss_.names(foreign_type(part.json))) part = {.text = part.text};
  }

  void tell(const Part& part) {
    switch (part.kind) {
      case Part::Kind::text:
        tell("text", part.text.decoded());
        tell_citations(part, 0);
        break;
      case Part::Kind::refusal: tell("refusal", part.text.decoded()); break;
      case Part::Kind::redacted_thinking: tell("sealed", part.text.decoded()); break;
      case Part::Kind::thinking:
        tell("thinks", part.text.decoded());
        tell("thinking.signature", part.signature.decoded());
        break;
      case Part::Kind::tool_call:
        tell("call", part.id.decoded() + " " + part.name.decoded());
        tell("arguments", plain_json(part.arguments));
        break;
      case Part::Kind::tool_result: tell_result(part); break;
      case Part::Kind::foreign: tell("foreign", plain_json(part.json)); break;
      case Part::Kind::image:
      case Part::Kind::document: tell_media(part); break;
    }
    tell(part.extra);
  }

  [[nodiscard]] static bool is_page(const Citation& citation) {
    using Kind = Citation::Kind;
    return citation.kind == Kind::web ||
           (citation.kind == Kind::search_result && citation.source.decoded().starts_with("http"));
  }

  // Where a citation belongs to, if not all of it can be told: the page, or the file.
  [[nodiscard]] bool may_be_lost(const Citation& citation) const {
    using Kind = Citation::Kind;
    const bool page = is_page(citation);
    switch (target_) {
      case Dialect::chat: return of_ == Of::request || !page;
      case Dialect::responses: return !page && (of_ == Of::request || citation.file.empty());
      case Dialect::anthropic: return of_ == Of::request || citation.kind != Kind::web;
      default: return true;
    }
  }

  // `offset`: of the text in its message.
  void tell_citations(const Part& part, size_t offset) {
    const bool lossy = loss_.names("citations");
    const TextSpan all{0, count_characters(part.text.inside)};
    for (const Citation& one : part.citations) {
      if (lossy && may_be_lost(one)) continue;
      const TextSpan span = one.span.value_or(all);
      const std::string place =
          std::to_string(offset + span.begin) + "-" + std::to_string(offset + span.end);
      out_ += "cites " + one.source.decoded() + one.file.decoded() + " " + one.title.decoded();
      if (one.kind == Citation::Kind::foreign) out_ += plain_json(one.json);
      if (lossy && target_ == Dialect::anthropic) {
        out_ += " " + quote_of(one, part.text);
      } else if (lossy) {
        if (is_page(one)) out_ += " " + place;
      } else {
        out_ += " " + place + " " + std::to_string(static_cast<int>(one.kind)) +
                one.quote.decoded() + " " + one.sealed.decoded() + " ";
        for (const std::string_view number : {one.which, one.begin, one.end})
          out_ += std::string(number) + " ";
      }
      out_ += '\n';
    }
  }

  // What stands at the place, or else what the answer says of it.
  static std::string quote_of(const Citation& citation, RawText text) {
    if (!citation.quote.empty() || !citation.span) return citation.quote.decoded();
    const TextSpan span = *citation.span;
    const size_t end = std::min(span.end, span.begin + 150);
    return RawText{characters_between(text.inside, span.begin, end)}.decoded();
  }

  void tell_media(const Part& part) {
    out_ += part.kind == Part::Kind::image ? "image " : "document ";
    out_ += std::to_string(static_cast<int>(part.media.source));
    tell(" type", media_type(part.media).decoded());
    tell(" data", part.media.data.decoded());
    if (!part.detail.is("auto")) tell("detail", part.detail.decoded());
    tell("title", part.name.decoded());
  }

  // What a tool gives in words.
  static bool is_told(const Part& part) {
    const bool document =
        part.kind == Part::Kind::document && part.media.source == Media::Source::text;
    const bool foreign = part.kind == Part::Kind::foreign && !part.text.empty();
    return part.kind == Part::Kind::text || document || foreign;
  }

  void tell_result(const Part& part) {
    tell("result", part.id.decoded());
    if (part.failed) tell("tool_result.is_error", "true");
    std::vector<Part> content = part.content;
    std::erase_if(content, [&](const Part& one) {
      return one.kind == Part::Kind::image ? loss_.names("tool_result.image")
                                           : !is_told(one) && loss_.names("tool_result.content");
    });
    tell_parts(content);
  }

  Dialect target_;
  const TranslationLoss& loss_;
  Of of_;
  std::string out_;
};

void tell_tools(const Conversation& conversation, Dialect target, const TranslationLoss& loss,
                Teller& teller) {
  for (const Tool& tool : conversation.tools) {
    if (loss.names("tools")) break;
    if (!tool.json.empty()) {
      if (!loss.names("tools." + foreign_type(tool.json))) teller.tell("tool", tool.json);
      continue;
    }
    teller.tell("tools", tool.name.decoded() + " " + tool.description.decoded());
    // To take anything and to say nothing of it is the same.
    const std::string schema = plain_json(tool.schema);
    if (schema != R"({"properties":{},"type":"object"})") teller.tell("tools", schema);
    if (tool.strict.value_or(false)) teller.tell("tools.strict", "true");
    teller.tell(tool.extra);
  }
  using Kind = ToolChoice::Kind;
  const ToolChoice& choice = conversation.tool_choice;
  const bool said = choice.kind != Kind::unset && choice.kind != Kind::automatic;
  const bool ignored = target == Dialect::anthropic && conversation.tools.empty();
  if (said && !ignored) {
    teller.tell("tool_choice",
                std::to_string(static_cast<int>(choice.kind)) + " " + choice.name.decoded());
  }
  // Nothing is called at the same time where nothing may be called.
  const bool never = target == Dialect::anthropic && choice.kind == Kind::none;
  if (!conversation.parallel_tools.value_or(true) && !ignored && !never) {
    teller.tell("parallel_tool_calls", "false");
  }
}

void tell_settings(const Conversation& conversation, Dialect target, Teller& teller) {
  for (size_t i = 0; i < parameter_count; ++i) {
    // The names of the dialect that has them all.
    const std::string_view name = parameter_name(Dialect::chat, static_cast<Parameter>(i));
    const Field field{name, conversation.parameters[i]};
    // Anthropic wants to be told a limit.
    const bool filled_in = static_cast<Parameter>(i) == Parameter::max_tokens &&
                           target == Dialect::anthropic && field.json == "4096";
    if (filled_in) continue;
    if (!field.json.empty() && !field.says_nothing()) teller.tell(name, plain_json(field.json));
  }
  for (const RawText& stop : conversation.stop)
    teller.tell("stop", stop.decoded());
  const Reasoning& reasoning = conversation.reasoning;
  const bool thinks =
      reasoning.kind == Reasoning::Kind::on || reasoning.kind == Reasoning::Kind::adaptive;
  if (reasoning.kind != Reasoning::Kind::unset) {
    teller.tell("thinking", std::to_string(static_cast<int>(reasoning.kind)) + " " +
                                (thinks ? reasoning.effort.decoded() : "") + " " +
                                std::string(reasoning.budget));
  }
  if (!thinks) teller.tell("effort", reasoning.effort.decoded());
  teller.tell("verbosity", conversation.verbosity.decoded());
  using Kind = ResponseFormat::Kind;
  const ResponseFormat& format = conversation.format;
  if (format.kind == Kind::json_object) teller.tell("response_format", "json");
  // Its name and its strictness are words of OpenAI's.
  if (format.kind == Kind::json_schema) {
    teller.tell("response_format", plain_json(format.schema));
    teller.tell("response_format.description", format.description.decoded());
  }
}

}  // namespace

std::string conversation_text(const Conversation& conversation, Dialect target,
                              const TranslationLoss& loss) {
  Teller teller(target, loss);
  teller.tell("model", conversation.model.decoded());
  teller.tell("stream", conversation.stream ? "true" : "");
  tell_settings(conversation, target, teller);
  tell_tools(conversation, target, loss, teller);
  teller.tell(conversation.extra);
  teller.tell_turns(conversation.turns);
  return teller.take();
}

std::string answer_text(const Answer& answer, Dialect target, const TranslationLoss& loss) {
  Teller teller(target, loss, Teller::Of::answer);
  teller.tell("model", answer.model.decoded());
  // Where several reasons share a word, the word. Whoever refuses in a text ends as usual, but for
  // Anthropic's clients.
  const bool refused = target == Dialect::anthropic && answer.stop == StopReason::end &&
                       has_part(answer.parts, Part::Kind::refusal);
  teller.tell("stop_reason", stop_word(target, refused ? StopReason::content_filter : answer.stop));
  teller.tell("input", std::to_string(answer.usage.input));
  teller.tell("output", std::to_string(answer.usage.output));
  if (!is_ollama(target)) {
    teller.tell("cached", std::to_string(answer.usage.cache_read));
    teller.tell("newly cached", std::to_string(answer.usage.cache_write));
    teller.tell("of thinking", std::to_string(answer.usage.thinking));
  }
  teller.tell_parts(answer.parts);
  return teller.take();
}

}  // namespace rocket
