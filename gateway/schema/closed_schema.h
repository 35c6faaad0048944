#pragma once

#include "schema/json_pieces.h"
#include "wire/json.h"

namespace rocket {

// Writes a JSON schema with `additionalProperties: false` for each of its objects that does not say
// whether there may be others, as Anthropic wants it. What fits it fits the schema as it was. One
// of more than 128 KiB is written as it is. Whether it has become another; it is pointed to, and
// must outlive the pieces.
[[nodiscard]] bool write_closed_schema(const JsonValue& schema, JsonPieces& out);

}  // namespace rocket
