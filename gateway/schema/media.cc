#include "schema/media.h"

#include <array>
#include <utility>

#include "base/base64.h"
#include "base/utf8.h"

namespace rocket {
namespace {

// How files of these types begin, in base64.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> beginnings{{
    {"iVBORw0KGgo", "image/png"},
    {"/9j/", "image/jpeg"},
    {"\\/9j\\/", "image/jpeg"},
    {"R0lGOD", "image/gif"},
    {"UklGR", "image/webp"},
    {"JVBERi", "application/pdf"},
}};

// Of what is in base64; empty: unknown.
std::string_view type_of(std::string_view raw) {
  for (const auto& [beginning, type] : beginnings) {
    if (raw.starts_with(beginning)) return type;
  }
  return {};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Piece piece = first_utf8_piece(text);
    if (!piece.valid) return false;
    text.remove_prefix(piece.bytes);
  }
  return true;
}

}  // namespace

Media media_of_url(RawText url) {
  constexpr std::string_view scheme = "data:";
  constexpr std::string_view mark = ";base64,";
  const size_t comma = url.inside.starts_with(scheme) ? url.inside.find(mark) : url.inside.npos;
  if (comma == url.inside.npos) return {Media::Source::url, {}, url};
  return {Media::Source::base64,
          {url.inside.substr(scheme.size(), comma - scheme.size())},
          {url.inside.substr(comma + mark.size())}};
}

Media media_of_file(RawText url, KeptTexts& kept) {
  Media media = media_of_url(url);
  const std::string type = media.type.decoded();
  if (!type.starts_with("text/") && !type.starts_with("application/json")) return media;
  const auto text = base64_decoded(media.data.decoded());
  if (!text || !is_utf8(*text)) return media;
  const std::string quoted = json_quoted(*text);
  media.source = Media::Source::text;
  media.data = {kept.keep(quoted.substr(1, quoted.size() - 2))};
  return media;
}

void write_media_url(const Media& media, JsonPieces& out) {
  if (media.source != Media::Source::base64) {
    out.text(media.data);
    return;
  }
  out.begin_text();
  out.add_text("data:");
  out.add_text(media_type(media).inside);
  out.add_text(";base64,");
  out.add_text(media.data.inside);
  out.end_text();
}

RawText media_type(const Media& media) {
  if (!media.type.empty()) return media.type;
  return {type_of(media.data.inside)};
}

RawText found_media_type(const Media& media) {
  const std::string_view found = type_of(media.data.inside);
  return found.empty() ? media.type : RawText{found};
}

bool begins_as_file(std::string_view raw) {
  return !type_of(raw).empty();
}

}  // namespace rocket
