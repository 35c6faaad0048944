#include "testing/random_conversation.h"

#include <fmt/format.h>

#include <span>

#include "base/random.h"
#include "schema/raw_characters.h"

namespace rocket {
namespace {

constexpr Dialect dialects[] = {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                Dialect::ollama};
// As they stand between quotes.
constexpr std::string_view texts[] = {
    "Hello",
    "",
    " ",
    "two\\nlines\\t\\r",
    "\\\"quoted\\\" \\\\ back \\/",
    "Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00",
    "Gr\u00fc\u00dfe, \u4e16\u754c \U0001F469\u200d\U0001F467",
    "\\u0000 \\u2028",
};
constexpr std::string_view images[] = {"iVBORw0KGgoAAAA=", "/9j/4AAQ", "R0lGODdh"};
constexpr std::string_view schemas[] = {
    "",
    R"({"type":"object","properties":{}})",
    R"({"type":"object","properties":{"a":{"type":"string","description":"Gr\u00fc\u00dfe"}}})",
};
constexpr std::string_view objects[] = {"{}", R"({"a":1})", R"({"a":[1,2.5,null,"\u00e9\\"]})"};

class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] size_t below(size_t count) { return static_cast<size_t>(random_.uniform(count)); }
  // Once in so many times.
  [[nodiscard]] bool once_in(size_t count) { return below(count) == 0; }
  template <class T, size_t n>
  [[nodiscard]] T one_of(const T (&values)[n]) {
    return values[below(n)];
  }
  [[nodiscard]] RawText text() { return {one_of(texts)}; }
  [[nodiscard]] RawText said() { return {one_of({texts[0], texts[4], texts[5], texts[6]})}; }

  [[nodiscard]] Media media(bool document) {
    switch (one_of(
        {Media::Source::base64, Media::Source::url, Media::Source::file, Media::Source::text})) {
      case Media::Source::url: return {Media::Source::url, {}, {"https://example.com/a?b=1"}};
      case Media::Source::file: return {Media::Source::file, {}, {"file-1"}};
      case Media::Source::text:
        if (document) return {Media::Source::text, {"text/plain"}, said()};
        [[fallthrough]];
      default:
        if (document) return {Media::Source::base64, {"application/pdf"}, {"JVBERi0xLjQK"}};
        return {Media::Source::base64, {}, {one_of(images)}};
    }
  }

  [[nodiscard]] Part image() {
    Part part{.kind = Part::Kind::image, .media = media(false)};
    if (once_in(3)) part.detail = {one_of<std::string_view>({"auto", "low", "high"})};
    return part;
  }

  [[nodiscard]] Part seen() {
    if (once_in(4)) return image();
    if (!once_in(6)) return {.text = text()};
    Part part{.kind = Part::Kind::document, .media = media(true)};
    if (once_in(2)) part.name = {"a.pdf"};
    return part;
  }

  [[nodiscard]] std::vector<Part> thoughts() {
    std::vector<Part> parts;
    if (once_in(4)) {
      parts.push_back({.kind = Part::Kind::thinking, .text = said()});
      if (once_in(2)) parts.back().signature = {"c2lnbmVk"};
    }
    if (once_in(8)) parts.push_back({.kind = Part::Kind::redacted_thinking, .text = {"c2VhbGVk"}});
    return parts;
  }

  // A text that may say where it is from, as the dialect does.
  [[nodiscard]] Part cited(RawText text, Dialect dialect) {
    Part part{.text = text};
    const size_t length = count_characters(text.inside);
    if (is_ollama(dialect) || length < 2) return part;
    for (size_t n = once_in(3) ? 1 + below(2) : 0; n > 0; --n) {
      if (dialect == Dialect::anthropic) {
        part.citations.push_back(place());
        continue;
      }
      const size_t begin = below(length - 1);
      Citation page{.kind = Citation::Kind::web, .source = {"https:\\/\\/example.com/a"}};
      page.title = said();
      page.span = TextSpan{begin, begin + 1 + below(length - begin)};
      Citation file{.kind = Citation::Kind::file, .title = {"a.txt"}, .file = {"file-1"}};
      file.which = "3";
      part.citations.push_back(dialect == Dialect::responses && once_in(3) ? file : page);
    }
    return part;
  }

  // As Anthropic has them.
  [[nodiscard]] Citation place() {
    using Kind = Citation::Kind;
    Citation citation{.kind = one_of({Kind::web, Kind::search_result, Kind::characters, Kind::pages,
                                      Kind::blocks})};
    if (once_in(2)) citation.title = said();
    citation.quote = said();
    if (citation.kind == Kind::web) {
      citation.source = {"https://example.com/b"};
      citation.sealed = {"c2VhbGVk"};
      return citation;
    }
    if (citation.kind == Kind::search_result) {
      citation.source = {one_of<std::string_view>({"http://example.com/c", "shelf 3"})};
    } else if (once_in(3)) {
      citation.file = {"file-2"};
    }
    citation.which = "1";
    citation.begin = "2";
    citation.end = "5";
    return citation;
  }

  [[nodiscard]] Part call(RawText id) {
    return {.kind = Part::Kind::tool_call,
            .id = id,
            .name = {one_of<std::string_view>({"f", "g"})},
            .arguments = one_of(objects)};
  }

  [[nodiscard]] Part result(RawText id) {
    Part part{.kind = Part::Kind::tool_result, .id = id, .failed = once_in(4)};
    for (size_t n = below(3); n > 0; --n)
      part.content.push_back(once_in(5) ? image() : Part{.text = text()});
    return part;
  }

 private:
  Random random_;
};

class ConversationDrawing {
 public:
  explicit ConversationDrawing(std::uint64_t seed) : drawing_(seed) {}

  [[nodiscard]] Conversation draw() {
    made_.dialect = drawing_.one_of(dialects);
    made_.model = {"m"};
    made_.stream = drawing_.once_in(2);
    draw_turns();
    draw_tools();
    draw_settings();
    return std::move(made_);
  }

 private:
  void draw_turns() {
    for (size_t n = drawing_.below(3); n > 0; --n)
      add(drawing_.once_in(3) ? Role::developer : Role::system, {Part{.text = drawing_.text()}});
    for (size_t n = 1 + drawing_.below(6); n > 0; --n) {
      switch (drawing_.below(7)) {
        case 0: add(Role::system, {Part{.text = drawing_.text()}}); break;
        case 1:
        case 2: draw_said(); break;
        case 3: draw_called(); break;
        default: draw_asked();
      }
    }
    if (made_.turns.back().role != Role::user) draw_asked();
  }

  void add(Role role, std::vector<Part> parts) {
    // What no dialect but its own has, where each of them may have it.
    const Part::Kind kind = parts.front().kind;
    const bool seen = kind == Part::Kind::text || kind == Part::Kind::image;
    if (drawing_.once_in(8) && seen && made_.dialect != Dialect::ollama) {
      parts.front().extra.push_back({"x_part", "[1]"});
    }
    made_.turns.push_back({.role = role, .parts = std::move(parts)});
  }

  void draw_asked() {
    std::vector<Part> parts;
    for (size_t n = 1 + drawing_.below(3); n > 0; --n)
      parts.push_back(drawing_.seen());
    add(Role::user, std::move(parts));
    if (drawing_.once_in(8)) made_.turns.back().name = {"bob"};
  }

  void draw_said() {
    std::vector<Part> parts = drawing_.thoughts();
    if (drawing_.once_in(8)) {
      parts.push_back({.kind = Part::Kind::refusal, .text = drawing_.said()});
    } else {
      for (size_t n = 1 + drawing_.below(2); n > 0; --n)
        parts.push_back(drawing_.cited(drawing_.text(), made_.dialect));
    }
    add(Role::assistant, std::move(parts));
  }

  void draw_called() {
    std::vector<Part> parts = drawing_.thoughts();
    if (drawing_.once_in(2)) parts.push_back({.text = drawing_.said()});
    std::vector<Part> results;
    for (size_t n = 1 + drawing_.below(3); n > 0; --n) {
      const std::string_view form = drawing_.one_of<std::string_view>({"call_", "call:\xC3\xB6-"});
      const RawText id{made_.kept.keep(fmt::format("{}{}", form, ids_++))};
      parts.push_back(drawing_.call(id));
      results.push_back(drawing_.result(id));
      if (drawing_.once_in(8)) parts.push_back({.text = drawing_.said()});
    }
    add(Role::assistant, std::move(parts));
    made_.turns.push_back({.role = Role::tool, .parts = std::move(results)});
  }

  void draw_tools() {
    for (const std::string_view name : {"f", "g"}) {
      if (drawing_.once_in(2)) continue;
      Tool tool{.name = {name}, .schema = drawing_.one_of(schemas)};
      if (drawing_.once_in(2)) tool.description = drawing_.text();
      if (drawing_.once_in(3)) tool.strict = drawing_.once_in(2);
      made_.tools.push_back(std::move(tool));
    }
    using Kind = ToolChoice::Kind;
    ToolChoice& choice = made_.tool_choice;
    if (made_.tools.empty() || drawing_.once_in(3)) return;
    choice.kind = drawing_.one_of({Kind::automatic, Kind::none, Kind::required, Kind::function});
    if (choice.kind == Kind::function) choice.name = made_.tools.front().name;
    if (drawing_.once_in(3)) made_.parallel_tools = drawing_.once_in(2);
  }

  void draw_settings() {
    for (std::string_view& value : made_.parameters) {
      if (drawing_.once_in(4)) value = drawing_.one_of<std::string_view>({"3", "7", "9000"});
    }
    // Those that are no numbers.
    for (const auto& [which, value] : {std::pair{Parameter::user, R"("u1")"},
                                       {Parameter::metadata, R"({"a":"b"})"},
                                       {Parameter::store, "true"},
                                       {Parameter::service_tier, R"("auto")"},
                                       {Parameter::prompt_cache_key, R"("k")"},
                                       {Parameter::safety_identifier, R"("s")"}}) {
      if (!made_.parameter(which).empty()) made_.parameter(which) = value;
    }
    for (size_t n = drawing_.below(3); n > 0; --n)
      made_.stop.push_back({drawing_.one_of<std::string_view>({"END", "\\n\\n", "\\u00fc"})});
    draw_format();
    draw_reasoning();
    if (drawing_.once_in(4)) made_.verbosity = {"low"};
    if (drawing_.once_in(4)) made_.extra.push_back({"x_new", R"({"a":1})"});
  }

  void draw_format() {
    using Kind = ResponseFormat::Kind;
    ResponseFormat& format = made_.format;
    if (drawing_.once_in(2)) return;
    format.kind = drawing_.one_of({Kind::text, Kind::json_object, Kind::json_schema});
    if (format.kind != Kind::json_schema) return;
    format.name = {"n"};
    format.schema = schemas[2];
    if (drawing_.once_in(4)) format.description = {"what it is for"};
    if (drawing_.once_in(2)) format.strict = drawing_.once_in(2);
  }

  void draw_reasoning() {
    using Kind = Reasoning::Kind;
    Reasoning& reasoning = made_.reasoning;
    reasoning.kind = drawing_.one_of({Kind::unset, Kind::off, Kind::on, Kind::adaptive});
    const bool anthropic = made_.dialect == Dialect::anthropic;
    if (reasoning.kind == Kind::adaptive && !anthropic) reasoning.kind = Kind::on;
    if (anthropic && drawing_.once_in(3)) reasoning.effort = {"high"};
    if (reasoning.kind != Kind::on) return;
    if (anthropic) {
      reasoning.budget = "4000";
    } else {
      reasoning.effort = {drawing_.one_of<std::string_view>({"low", "medium", "high"})};
    }
  }

  Drawing drawing_;
  Conversation made_;
  size_t ids_ = 0;
};

}  // namespace

Conversation random_conversation(std::uint64_t seed) {
  return ConversationDrawing(seed).draw();
}

Answer random_answer(std::uint64_t seed) {
  Drawing drawing(seed);
  Answer answer{.dialect = drawing.one_of(dialects), .id = {"x"}, .model = {"m"}};
  answer.parts = drawing.thoughts();
  for (size_t n = drawing.below(3); n > 0; --n)
    answer.parts.push_back(drawing.cited(drawing.said(), answer.dialect));
  if (drawing.once_in(8)) {
    answer.parts.push_back({.kind = Part::Kind::refusal, .text = drawing.said()});
  }
  size_t calls = drawing.once_in(2) ? drawing.below(4) : 0;
  answer.stop =
      calls != 0 ? StopReason::tool_use : drawing.one_of({StopReason::end, StopReason::max_tokens});
  for (size_t n = 0; n < calls; ++n)
    answer.parts.push_back(drawing.call({answer.kept.keep(fmt::format("call_{}", n))}));
  // A part is no more than the whole.
  answer.usage = {.input = 10 + static_cast<std::int64_t>(drawing.below(1000)),
                  .cache_read = static_cast<std::int64_t>(drawing.below(5)),
                  .cache_write = static_cast<std::int64_t>(drawing.below(5)),
                  .output = 10 + static_cast<std::int64_t>(drawing.below(1000)),
                  .thinking = static_cast<std::int64_t>(drawing.below(10))};
  return answer;
}

}  // namespace rocket
