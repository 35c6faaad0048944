#include "schema/anthropic_words.h"

namespace rocket {
namespace {

void add(std::string& words, std::string_view raw, std::string_view between) {
  if (raw.empty()) return;
  if (!words.empty()) words += between;
  words += raw;
}

// Texts between paragraphs; what else stands among them can not be said.
void add_content(std::string& words, const JsonValue& content) {
  constexpr std::string_view paragraph = "\\n\\n";
  if (content.kind == JsonKind::string) add(words, content.raw_string(), paragraph);
  if (content.kind != JsonKind::array) return;
  for (const JsonValue& block : json_elements(content.text)) {
    const auto text = json_find(block.text, "text");
    if (text) add(words, text->raw_string(), paragraph);
  }
}

}  // namespace

std::string words_of_block(const JsonValue& block) {
  const auto type = json_find(block.text, "type");
  const bool result = type && type->string_is("search_result");
  if (!result && !(type && type->string_is("document"))) return {};
  const auto source = json_find(block.text, "source");
  std::string texts;
  const auto content = json_find(result || !source ? block.text : source->text, "content");
  if (content) add_content(texts, *content);
  if (texts.empty()) return {};
  std::string words;
  if (const auto title = json_find(block.text, "title")) add(words, title->raw_string(), "");
  if (result && source) add(words, source->raw_string(), "\\n");
  add(words, texts, "\\n\\n");
  return words;
}

}  // namespace rocket
