#include "schema/citations.h"

#include <fmt/format.h>

#include <algorithm>

#include "schema/raw_characters.h"

namespace rocket {
namespace {

using Kind = Citation::Kind;

// A kind of Anthropic's and its members.
struct Words {
  Kind kind;
  std::string_view type;
  const char* source;
  const char* title;
  const char* which;
  const char* begin;
  const char* end;
};
constexpr Words anthropic_words[] = {
    {Kind::web, "web_search_result_location", "url", "title", "", "", ""},
    {Kind::search_result, "search_result_location", "source", "title", "search_result_index",
     "start_block_index", "end_block_index"},
    {Kind::characters, "char_location", "", "document_title", "document_index", "start_char_index",
     "end_char_index"},
    {Kind::pages, "page_location", "", "document_title", "document_index", "start_page_number",
     "end_page_number"},
    {Kind::blocks, "content_block_location", "", "document_title", "document_index",
     "start_block_index", "end_block_index"},
};

std::string_view number_of(const JsonValue& value) {
  return value.kind == JsonKind::number ? value.text : std::string_view();
}

Citation read_anthropic(const JsonValue& value) {
  Citation citation{.json = value.text};
  const auto type = json_find(value.text, "type");
  const auto words = std::ranges::find_if(
      anthropic_words, [&](const Words& one) { return type && type->string_is(one.type); });
  if (words == std::end(anthropic_words)) return citation;
  citation.kind = words->kind;
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key.empty()) continue;
    if (member.key_is(words->source)) citation.source = raw_text(member.value);
    if (member.key_is(words->title)) citation.title = raw_text(member.value);
    if (member.key_is("cited_text")) citation.quote = raw_text(member.value);
    if (member.key_is("encrypted_index")) citation.sealed = raw_text(member.value);
    if (member.key_is("file_id")) citation.file = raw_text(member.value);
    if (member.key_is(words->which)) citation.which = number_of(member.value);
    if (member.key_is(words->begin)) citation.begin = number_of(member.value);
    if (member.key_is(words->end)) citation.end = number_of(member.value);
  }
  return citation;
}

std::optional<TextSpan> span_between(std::optional<std::int64_t> begin,
                                     std::optional<std::int64_t> end) {
  if (!begin || !end || *begin < 0 || *end < *begin) return std::nullopt;
  return TextSpan{static_cast<size_t>(*begin), static_cast<size_t>(*end)};
}

// Chat has what a citation says in an object of its own, Responses in the annotation.
Citation read_annotation(Dialect dialect, const JsonValue& value) {
  Citation citation{.json = value.text};
  const auto type = json_find(value.text, "type");
  const bool web = type && type->string_is("url_citation");
  if (!web && !(type && type->string_is("file_citation"))) return citation;
  const auto inner = json_find(value.text, "url_citation");
  const bool nested = dialect == Dialect::chat && inner && inner->kind == JsonKind::object;
  citation.kind = web ? Kind::web : Kind::file;
  std::optional<std::int64_t> begin;
  std::optional<std::int64_t> end;
  for (const JsonMember& member : json_members(nested ? inner->text : value.text)) {
    if (member.key_is("url")) citation.source = raw_text(member.value);
    if (member.key_is("title") || member.key_is("filename")) {
      citation.title = raw_text(member.value);
    }
    if (member.key_is("file_id")) citation.file = raw_text(member.value);
    if (member.key_is("index")) citation.which = number_of(member.value);
    if (member.key_is("start_index")) begin = member.value.as_int();
    if (member.key_is("end_index")) end = member.value.as_int();
  }
  citation.span = span_between(begin, end);
  return citation;
}

// Adds those of the list; false: it is not one of objects.
bool read_list(Dialect dialect, const JsonValue& list, std::vector<Citation>& citations) {
  if (list.kind != JsonKind::array) return false;
  std::vector<Citation> read;
  for (const JsonValue& one : json_elements(list.text)) {
    const auto citation = read_citation(dialect, one);
    if (!citation) return false;
    read.push_back(*citation);
  }
  citations.insert(citations.end(), read.begin(), read.end());
  return !read.empty();
}

bool is_address(RawText source) {
  const std::string plain = source.decoded();
  return plain.starts_with("https://") || plain.starts_with("http://");
}

bool is_page(const Citation& citation) {
  if (citation.source.empty()) return false;
  return citation.kind == Kind::web ||
         (citation.kind == Kind::search_result && is_address(citation.source));
}

// A page that another model has told Anthropic's client of, who says it again to Anthropic.
bool is_unsealed(const Citation& citation, const CitationWriting& writing) {
  return writing.to == Dialect::anthropic && !writing.answer && citation.kind == Kind::web &&
         citation.sealed.empty();
}

bool can_write(const Citation& citation, const CitationWriting& writing) {
  if (writing.from == writing.to) return !is_unsealed(citation, writing);
  if (writing.answer) return can_tell_citation(writing.to, citation);
  return writing.to == Dialect::responses && is_page(citation);
}

// Anthropic's say what stands at the place, OpenAI's what stands there in the answer.
bool is_told_otherwise(const Citation& citation, Dialect to) {
  const bool exact = citation.kind == Kind::web || citation.kind == Kind::file;
  return to == Dialect::anthropic || !exact || !citation.quote.empty() || !citation.sealed.empty();
}

// As far as it is within the text; without one of its own, all of that.
TextSpan place_in(TextSpan text, std::optional<TextSpan> span) {
  if (!span) return text;
  const size_t length = text.end - text.begin;
  return {text.begin + std::min(span->begin, length), text.begin + std::min(span->end, length)};
}

RawText quote_of(const Citation& citation, RawText text) {
  constexpr size_t characters_max = 150;
  if (!citation.quote.empty() || !citation.span) return citation.quote;
  const auto [begin, end] = *citation.span;
  return {characters_between(text.inside, begin, std::min(end, begin + characters_max))};
}

// Of a list in a message: which of its texts has the character, and how many stand before that.
struct Home {
  Part* part = nullptr;
  size_t offset = 0;
};
Home home_of(std::vector<Part>& parts, std::optional<TextSpan> span) {
  Home home;
  size_t offset = 0;
  for (Part& part : parts) {
    if (part.kind != Part::Kind::text) continue;
    home = {&part, offset};
    offset += count_characters(part.text.inside);
    if (!span || span->begin < offset) break;
  }
  return home;
}

}  // namespace

std::optional<Citation> read_citation(Dialect dialect, const JsonValue& value) {
  if (value.kind != JsonKind::object) return std::nullopt;
  return dialect == Dialect::anthropic ? read_anthropic(value) : read_annotation(dialect, value);
}

void take_citations(Dialect dialect, std::vector<Part>& parts) {
  const std::string_view name = dialect == Dialect::anthropic ? "citations" : "annotations";
  for (Part& part : parts) {
    if (part.kind != Part::Kind::text) continue;
    std::erase_if(part.extra, [&](const Field& field) {
      if (!json_decodes_to(field.key, name) || !field.json.starts_with('[')) return false;
      return read_list(dialect, {JsonKind::array, field.json}, part.citations);
    });
  }
}

bool take_annotations(const JsonValue& list, std::vector<Part>& parts) {
  std::vector<Citation> citations;
  if (!read_list(Dialect::chat, list, citations)) return false;
  // Most messages have one text, which need not be counted.
  const auto texts = std::ranges::count(parts, Part::Kind::text, &Part::kind);
  if (texts == 0) return false;
  for (Citation& citation : citations) {
    const Home home =
        texts > 1
            ? home_of(parts, citation.span)
            : Home{std::to_address(std::ranges::find(parts, Part::Kind::text, &Part::kind)), 0};
    if (citation.span) {
      citation.span->begin -= std::min(home.offset, citation.span->begin);
      citation.span->end -= std::min(home.offset, citation.span->end);
    }
    home.part->citations.push_back(citation);
  }
  return true;
}

bool can_tell_citation(Dialect to, const Citation& citation) {
  switch (to) {
    case Dialect::chat: return is_page(citation);
    case Dialect::responses:
      return is_page(citation) || (citation.kind != Kind::foreign && !citation.file.empty());
    case Dialect::anthropic: return is_page(citation) && citation.kind == Kind::web;
    default: return false;
  }
}

std::vector<Citation> told_citations(const Part& part, const CitationWriting& writing) {
  std::vector<Citation> told;
  for (const Citation& citation : part.citations) {
    if (!can_write(citation, writing)) {
      writing.loss.drop("citations");
      continue;
    }
    told.push_back(citation);
    if (writing.from == writing.to) continue;
    if (is_told_otherwise(citation, writing.to)) writing.loss.emulate("citations");
    told.back().json = {};  // the other dialect's words
  }
  return told;
}

void write_annotations(Dialect to, const std::vector<Citation>& told, RawText text, size_t offset,
                       JsonPieces& out) {
  if (told.empty()) return;
  const TextSpan all{offset, offset + count_characters(text.inside)};
  for (const Citation& citation : told)
    write_annotation(to, citation, all, out);
}

void write_annotation(Dialect to, const Citation& citation, TextSpan text, JsonPieces& out) {
  if (!citation.json.empty()) {
    out.json(citation.json);
    return;
  }
  const TextSpan place = place_in(text, citation.span);
  out.open('{').key("type");
  if (is_page(citation)) {
    out.quoted("url_citation");
    if (to == Dialect::chat) out.key("url_citation").open('{');
    out.key("url").text(citation.source).key("title").text(citation.title);
    out.key("start_index").json(fmt::format("{}", place.begin));
    out.key("end_index").json(fmt::format("{}", place.end));
    if (to == Dialect::chat) out.close('}');
  } else {
    out.quoted("file_citation").key("file_id").text(citation.file);
    out.key("filename").text(citation.title).key("index");
    const bool own = citation.kind == Kind::file && !citation.which.empty();
    const std::string end = fmt::format("{}", place.end);
    out.json(own ? citation.which : std::string_view(end));
  }
  out.close('}');
}

void write_anthropic_citations(const std::vector<Citation>& told, RawText text, JsonPieces& out) {
  for (const Citation& citation : told)
    write_anthropic_citation(citation, quote_of(citation, text), out);
}

void write_anthropic_citation(const Citation& citation, RawText quote, JsonPieces& out) {
  if (!citation.json.empty()) {
    out.json(citation.json);
    return;
  }
  const auto words = std::ranges::find(anthropic_words, citation.kind, &Words::kind);
  if (words == std::end(anthropic_words)) return;
  out.open('{').key("type").quoted(words->type).key("cited_text").text(quote);
  if (*words->source != '\0') out.key(words->source).text(citation.source);
  out.key(words->title);
  if (citation.title.empty()) {
    out.json("null");
  } else {
    out.text(citation.title);
  }
  const auto number = [&](const char* key, std::string_view value) {
    if (*key != '\0') out.key(key).json(value.empty() ? "0" : value);
  };
  number(words->which, citation.which);
  number(words->begin, citation.begin);
  number(words->end, citation.end);
  if (citation.kind == Kind::web) out.key("encrypted_index").text(citation.sealed);
  if (!citation.file.empty()) out.key("file_id").text(citation.file);
  out.close('}');
}

}  // namespace rocket
