#include "schema/anthropic_blocks.h"

#include "schema/anthropic_ids.h"
#include "schema/citations.h"
#include "schema/media.h"

namespace rocket {

namespace {

// Texts of nothing but space are refused.
bool says(RawText text) {
  if (text.empty()) return false;
  const char first = text.inside.front();
  // Most begin with a letter.
  if (first != ' ' && first != '\\') return true;
  return text.decoded().find_first_not_of(" \t\r\n") != std::string::npos;
}

}  // namespace

bool AnthropicBlocks::can_write(const Part& part) {
  switch (part.kind) {
    case Part::Kind::text:
    case Part::Kind::refusal: return place_ == Place::answer ? !part.text.empty() : says(part.text);
    case Part::Kind::thinking:
      if (place_ == Place::answer || !part.signature.empty()) return true;
      loss_.drop("thinking");
      return false;
    case Part::Kind::foreign:
      if (from_ == Dialect::anthropic) return true;
      loss_.drop(foreign_type(part.json));
      return false;
    case Part::Kind::image:
    case Part::Kind::document:
      // Ids of files are their provider's own.
      if (part.media.source != Media::Source::file || from_ == Dialect::anthropic) return true;
      loss_.drop(part.kind == Part::Kind::image ? "image" : "document");
      return false;
    default: return true;
  }
}

void AnthropicBlocks::write_extra(const std::vector<Field>& extra) {
  if (from_ != Dialect::anthropic) {
    loss_.drop(extra);
    return;
  }
  for (const Field& field : extra)
    out_.field(field);
}

void AnthropicBlocks::write_media(const Media& media) {
  out_.key("source").open('{').key("type");
  switch (media.source) {
    case Media::Source::base64:
      // The provider compares it with the bytes, and knows four types of images by one name each;
      // others' clients say image/jpg as well.
      out_.quoted("base64").key("media_type");
      out_.text(from_ == Dialect::anthropic ? media_type(media) : found_media_type(media));
      out_.key("data").text(media.data);
      break;
    case Media::Source::url: out_.quoted("url").key("url").text(media.data); break;
    case Media::Source::text:
      out_.quoted("text").key("media_type").quoted("text/plain").key("data").text(media.data);
      break;
    case Media::Source::file: out_.quoted("file").key("file_id").text(media.data); break;
  }
  out_.close('}');
}

void AnthropicBlocks::write_result(const Part& part) {
  out_.quoted("tool_result").key("tool_use_id").quoted(anthropic_id(part.id));
  if (part.failed) out_.key("is_error").json("true");
  out_.key("content");
  const Part* const text = only_text(part.content);
  if (text != nullptr && (from_ != Dialect::anthropic || text->extra.empty())) {
    write_extra(text->extra);
    out_.text(text->text);
    return;
  }
  out_.open('[');
  for (const Part& one : part.content) {
    if (can_write(one)) write(one, {});
  }
  out_.close(']');
}

void AnthropicBlocks::write_citations(const Part& part) {
  const std::vector<Citation> told =
      told_citations(part, {from_, Dialect::anthropic, place_ == Place::answer, loss_});
  if (told.empty()) return;
  out_.key("citations").open('[');
  write_anthropic_citations(told, part.text, out_);
  out_.close(']');
}

void AnthropicBlocks::write(const Part& part, std::string_view id) {
  if (part.kind == Part::Kind::foreign) {
    out_.json(part.json);
    return;
  }
  out_.open('{').key("type");
  write_members(part, id);
  write_extra(part.extra);
  out_.close('}');
}

void AnthropicBlocks::write_members(const Part& part, std::string_view id) {
  switch (part.kind) {
    case Part::Kind::refusal: loss_.emulate("refusal"); [[fallthrough]];
    case Part::Kind::text:
      out_.quoted("text").key("text").text(part.text);
      write_citations(part);
      break;
    case Part::Kind::image:
      if (!part.detail.empty() && !part.detail.is("auto")) loss_.drop("detail");
      out_.quoted("image");
      write_media(part.media);
      break;
    case Part::Kind::document:
      out_.quoted("document");
      write_media(part.media);
      if (!part.name.empty()) out_.key("title").text(part.name);
      break;
    case Part::Kind::tool_call:
      out_.quoted("tool_use").key("id");
      out_.quoted(part.id.empty() ? std::string(id) : anthropic_id(part.id));
      out_.key("name").text(part.name).key("input").json(part.arguments);
      break;
    case Part::Kind::tool_result: write_result(part); break;
    case Part::Kind::thinking:
      out_.quoted("thinking").key("thinking").text(part.text);
      out_.key("signature").text(part.signature);
      break;
    case Part::Kind::redacted_thinking:
      out_.quoted("redacted_thinking").key("data").text(part.text);
      break;
    case Part::Kind::foreign: break;
  }
}

}  // namespace rocket
