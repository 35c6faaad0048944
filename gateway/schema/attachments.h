#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "schema/splice.h"
#include "wire/json.h"

namespace rocket {

// A file that a request names by its address instead of sending it, and where that stands in the
// body, as offsets.
struct MediaUrl {
  enum class Kind : unsigned char { image, document, other };
  // How a file that has been fetched is written there instead.
  enum class Shape : unsigned char {
    data_url,   // as the same string, a data: URL
    source,     // Anthropic: an object that says base64
    file_data,  // Responses: another member, that is a data: URL
    base64,     // Ollama: as the same string
  };
  Kind kind = Kind::image;
  Shape shape = Shape::data_url;
  std::string_view field{};  // "image_url"
  size_t turn = 0;           // which of the messages, or of the input's items
  size_t url_begin = 0;      // between its quotes
  size_t url_end = 0;
  size_t begin = 0;  // what the file replaces
  size_t end = 0;

  // As it stands between its quotes.
  [[nodiscard]] std::string_view raw(std::string_view body) const {
    return body.substr(url_begin, url_end - url_begin);
  }
};

// The files that come with a prompt, in the shapes of all dialects: OpenAI's chat (also as vLLM
// has extended it) and Responses, Anthropic's and Ollama's.
//
// What a server may take for an address is found however it is written, so that nothing is passed
// on that was to be refused: a part need not have a type, a key not be in small letters, an address
// not be a good one, and only what begins as `data:`, or as base64 of a file does, is none.
struct Attachments {
  // So many are told; whoever sends more has to be refused, or to be let pass all of them.
  static constexpr size_t urls_max = 1024;

  bool images = false;
  bool too_many = false;
  std::vector<MediaUrl> urls{};
};

// Adds those of `list`, a value of `body`: messages, the items of an input, or one of these.
void find_attachments(std::string_view body, const JsonValue& list, Attachments& found);
// The same of Ollama's `images`, beside a prompt.
void find_images(std::string_view body, const JsonValue& images, Attachments& found);

// A fetched file: its type, as it is, and base64.
struct MediaFile {
  std::string_view type;
  std::string_view base64;
};
struct PlacedFile {
  const MediaUrl* url;
  MediaFile file;
};
// Adds what puts each file where its address stands, in the order of the body; it points to the
// files' base64. Of two addresses of which one is part of what the other's file replaces, that
// other one's counts.
void append_media_edits(std::vector<PlacedFile> files, std::vector<Edit>& edits);

// The type of a file that begins with these bytes: "image/png"; empty: none that models take. As
// many bytes as `media_signature_bytes` are enough.
inline constexpr size_t media_signature_bytes = 12;
[[nodiscard]] std::string_view media_type_of(std::string_view first_bytes);
// A file of the type can stand where `kind` is expected.
[[nodiscard]] bool is_of_kind(std::string_view type, MediaUrl::Kind kind);

}  // namespace rocket
