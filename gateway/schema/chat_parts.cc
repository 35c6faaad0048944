#include "schema/chat_parts.h"

#include <algorithm>

#include "schema/media.h"

namespace rocket {
namespace {

void write_document(const Part& part, const ChatWriting& to) {
  if (part.media.source == Media::Source::text) {
    to.loss.emulate("document");
    to.loss.drop(part.extra);
    to.out.open('{').key("type").quoted("text").key("text").text(part.media.data).close('}');
    return;
  }
  to.out.open('{').key("type").quoted("file").key("file").open('{');
  if (!part.name.empty()) to.out.key("filename").text(part.name);
  if (part.media.source == Media::Source::file) {
    to.out.key("file_id").text(part.media.data);
  } else {
    to.out.key("file_data");
    write_media_url(part.media, to.out);
  }
  to.out.close('}');
  to.extra(part.extra);
  to.out.close('}');
}

void write_part(const Part& part, const ChatWriting& to) {
  switch (part.kind) {
    case Part::Kind::text:
      to.out.open('{').key("type").quoted("text").key("text").text(part.text);
      to.extra(part.extra);
      to.out.close('}');
      return;
    case Part::Kind::refusal:
      to.out.open('{').key("type").quoted("refusal").key("refusal").text(part.text).close('}');
      return;
    case Part::Kind::image:
      to.out.open('{').key("type").quoted("image_url").key("image_url").open('{').key("url");
      write_media_url(part.media, to.out);
      if (!part.detail.empty()) to.out.key("detail").text(part.detail);
      to.out.close('}');
      to.extra(part.extra);
      to.out.close('}');
      return;
    case Part::Kind::document: write_document(part, to); return;
    case Part::Kind::foreign:
      if (to.from == Dialect::chat) {
        to.out.json(part.json);
      } else {
        write_part(in_chat_words(part, to), to);
      }
      return;
    default: return;
  }
}

}  // namespace

bool chat_can_write(const Part& part, const ChatWriting& to) {
  switch (part.kind) {
    case Part::Kind::foreign:
      if (to.from == Dialect::chat) return true;
      if (!part.text.empty()) {
        to.loss.emulate(foreign_type(part.json));
        return true;
      }
      to.loss.drop(foreign_type(part.json));
      return false;
    case Part::Kind::image:
      if (part.media.source != Media::Source::file) return true;
      to.loss.drop("image");
      return false;
    case Part::Kind::document:
      if (part.media.source != Media::Source::url) return true;
      to.loss.drop("document");
      return false;
    default: return true;
  }
}

Part in_chat_words(const Part& part, const ChatWriting& to) {
  const bool foreign = part.kind == Part::Kind::foreign && to.from != Dialect::chat;
  return foreign ? Part{.text = part.text} : part;
}

void write_chat_parts(const std::vector<Part>& parts, const ChatWriting& to) {
  const auto lost = [&](const Part& part) { return !chat_can_write(part, to); };
  if (std::ranges::any_of(parts, lost)) {
    std::vector<Part> kept = parts;
    std::erase_if(kept, lost);
    write_chat_parts(kept, to);
    return;
  }
  const Part* const text = only_text(parts);
  if (text != nullptr && (to.from != Dialect::chat || text->extra.empty())) {
    to.extra(text->extra);
    to.out.text(text->text);
  } else if (parts.empty()) {
    to.out.quoted("");
  } else {
    to.out.open('[');
    for (const Part& part : parts)
      write_part(part, to);
    to.out.close(']');
  }
}

}  // namespace rocket
