#pragma once

#include <optional>
#include <vector>

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

// Citations, as each dialect has them: Anthropic's are a text block's, and say what stands at a
// place in a document, a result of a search or a page; OpenAI's are annotations of a message
// (chat) or of its text (Responses), and say which of its characters a page stands behind. Ollama
// has none. Readers view into what they read.
namespace rocket {

// An element of `citations`, or of `annotations`. Nothing: it is no object.
[[nodiscard]] std::optional<Citation> read_citation(Dialect dialect, const JsonValue& value);

// Makes citations of what texts have so far as a member that only their dialect knows. Of
// Anthropic's and Responses'.
void take_citations(Dialect dialect, std::vector<Part>& parts);
// The same of the annotations of a chat's message, each for the text that it begins in. False: it
// has none, or no text that they could belong to.
[[nodiscard]] bool take_annotations(const JsonValue& list, std::vector<Part>& parts);

// Whether the dialect has words for it, in answers, if it comes from another dialect.
[[nodiscard]] bool can_tell_citation(Dialect to, const Citation& citation);

// What a text's are written with.
struct CitationWriting {
  Dialect from;
  Dialect to;
  bool answer;
  TranslationLoss& loss;
};
// Those that are written; the loss is told of the others, and of what is said in another way. In
// requests Anthropic wants to see its own seal on a page, and OpenAI's chat has no place for it.
[[nodiscard]] std::vector<Citation> told_citations(const Part& part,
                                                   const CitationWriting& writing);

// The elements of a list of annotations. The text begins `offset` characters into its message.
void write_annotations(Dialect to, const std::vector<Citation>& told, RawText text, size_t offset,
                       JsonPieces& out);
// One of them, of a text of so many characters.
void write_annotation(Dialect to, const Citation& citation, TextSpan text, JsonPieces& out);

// The elements of a list of Anthropic's. What it does not say itself of a page is quoted of the
// answer: the characters that the page stands behind, as many as Anthropic cites.
void write_anthropic_citations(const std::vector<Citation>& told, RawText text, JsonPieces& out);
void write_anthropic_citation(const Citation& citation, RawText quote, JsonPieces& out);

}  // namespace rocket
