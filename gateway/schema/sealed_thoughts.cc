#include "schema/sealed_thoughts.h"

namespace rocket {
namespace {

// In front of the signature, which has no colon, a colon and the words; in front of what is sealed.
constexpr std::string_view signed_mark = "rocket.anthropic.thinking:";
constexpr std::string_view redacted_mark = "rocket.anthropic.redacted:";

}  // namespace

bool is_sealed(const Part& part) {
  return part.kind == Part::Kind::redacted_thinking ||
         (part.kind == Part::Kind::thinking && !part.signature.empty());
}

void write_seal(const Part& part, JsonPieces& out) {
  if (part.kind == Part::Kind::redacted_thinking) {
    out.text_between(redacted_mark, part.text.inside);
    return;
  }
  out.begin_text();
  out.add_text(signed_mark);
  out.add_text(part.signature.inside);
  out.add_text(":");
  out.add_text(part.text.inside);
  out.end_text();
}

bool read_seal(RawText sealed, Part& part) {
  std::string_view inside = sealed.inside;
  if (inside.starts_with(redacted_mark)) {
    part.kind = Part::Kind::redacted_thinking;
    part.text = {inside.substr(redacted_mark.size())};
    part.signature = {};
    return true;
  }
  if (!inside.starts_with(signed_mark)) return false;
  inside.remove_prefix(signed_mark.size());
  const size_t colon = inside.find(':');
  if (colon == 0 || colon == inside.npos) return false;
  part.kind = Part::Kind::thinking;
  part.signature = {inside.substr(0, colon)};
  part.text = {inside.substr(colon + 1)};
  return true;
}

bool asks_for_seals(const Field& field) {
  if (!json_decodes_to(field.key, "include") || !field.json.starts_with('[')) return false;
  for (const JsonValue& one : json_elements(field.json)) {
    if (!one.string_is("reasoning.encrypted_content")) return false;
  }
  return true;
}

}  // namespace rocket
