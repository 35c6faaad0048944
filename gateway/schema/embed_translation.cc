#include "schema/embed_translation.h"

#include <fmt/format.h>

namespace rocket {

Result<JsonPieces> write_embeddings_request(std::string_view body, std::string_view upstream_model,
                                            TranslationLoss& loss) {
  JsonPieces out;
  std::optional<JsonValue> input;
  std::optional<JsonValue> dimensions;
  JsonValue model;
  const auto scanned = scan_object(body, JsonLimits{}, [&](const JsonMember& member) {
    const JsonValue& value = member.value;
    if (member.key_is("input")) {
      input = value;
    } else if (member.key_is("dimensions")) {
      if (!value.is_null()) dimensions = value;
    } else if (member.key_is("model")) {
      model = value;
    } else if (!member.key_is("backend") && !Field{member.key, value.text}.says_nothing() &&
               // What servers do anyway.
               !(member.key_is("truncate") && value.text == "true")) {
      loss.drop(member.key);
    }
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (!input || (input->kind != JsonKind::string && input->kind != JsonKind::array)) {
    return fail(ErrorCode::invalid_field, "`input` must be a string or a list of strings");
  }
  out.open('{').key("model");
  if (upstream_model.empty()) {
    out.text(raw_text(model));
  } else {
    out.quoted(upstream_model);
  }
  if (dimensions) out.key("dimensions").json(dimensions->text);
  out.key("encoding_format").quoted("float").key("input").json(input->text).close('}');
  return out;
}

Result<JsonPieces> write_embed_answer(std::string_view text, const AnswerFrame& frame) {
  JsonPieces out;
  out.open('{');
  JsonValue model;
  JsonValue list;
  TokenUsage usage;
  const auto scanned = scan_object(text, JsonLimits{}, [&](const JsonMember& member) {
    if (member.key_is("model")) model = member.value;
    if (member.key_is("data")) list = member.value;
    if (member.key_is("usage")) (void)read_usage(Dialect::chat, member.value.text, usage);
  });
  if (!scanned || list.kind != JsonKind::array) {
    return fail(ErrorCode::upstream_garbage, "the answer is not a list of embeddings");
  }
  out.key("model");
  if (raw_text(model).empty()) {
    out.quoted(frame.model);
  } else {
    out.text(raw_text(model));
  }
  out.key("embeddings").open('[');
  std::int64_t expected = 0;
  for (const JsonValue& one : json_elements(list.text)) {
    const auto embedding = json_find(one.text, "embedding");
    const auto index = json_find(one.text, "index");
    if (!embedding || embedding->kind != JsonKind::array ||
        (index && index->as_int() != expected)) {
      return fail(ErrorCode::upstream_garbage, "the embeddings are not lists of numbers in order");
    }
    out.json(embedding->text);
    ++expected;
  }
  out.close(']');
  if (frame.elapsed != Duration::zero()) {
    out.key("total_duration").json(fmt::format("{}", frame.elapsed.count()));
  }
  out.key("prompt_eval_count").json(fmt::format("{}", usage.input)).close('}');
  return out;
}

}  // namespace rocket
