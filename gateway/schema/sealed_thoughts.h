#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"

// What Claude has signed, or sealed, of what it thought, as clients of Responses carry it: in the
// `encrypted_content` of an item, which they give back as it is, also where they leave out what
// was thought in words (Codex does). So it has the words as well: signed is signed as it was.
namespace rocket {

// Whether there is a seal on it.
[[nodiscard]] bool is_sealed(const Part& part);
// The value of `encrypted_content`; "rocket.anthropic." says whose it is.
void write_seal(const Part& part, JsonPieces& out);
// Thinking with its signature, or what is redacted, into the part. False: it is not ours.
[[nodiscard]] bool read_seal(RawText sealed, Part& part);
// The request's member that asks for them, and for nothing else.
[[nodiscard]] bool asks_for_seals(const Field& field);

}  // namespace rocket
