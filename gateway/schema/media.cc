#include "schema/media.h"

#include <array>
#include <utility>

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
