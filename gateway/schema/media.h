#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"

namespace rocket {

// What a URL leads to: base64 of its own if it is a data: URL, else an address.
[[nodiscard]] Media media_of_url(RawText url);

// As a string that is a URL; of base64 a data: URL.
void write_media_url(const Media& media, JsonPieces& out);

// The same of a file. What comes in base64 and is text (text/plain, text/csv, JSON, in UTF-8) is
// that text: few take such files, and all take texts.
[[nodiscard]] Media media_of_file(RawText url, KeptTexts& kept);

// It begins as base64 of an image or a document does.
[[nodiscard]] bool begins_as_file(std::string_view raw);

// The type of what is in base64: said, or told by its first bytes; empty if neither.
[[nodiscard]] RawText media_type(const Media& media);
// The same the other way round, for who looks himself: told by its first bytes, else said.
[[nodiscard]] RawText found_media_type(const Media& media);

}  // namespace rocket
