#include "schema/closed_schema.h"

#include <algorithm>
#include <array>

namespace rocket {
namespace {

// Each schema is read again within the one around it; nobody's takes so much.
constexpr std::size_t bytes_max = std::size_t{128} * 1024;

// What stands behind a word of the schema's.
enum class Behind : unsigned char { value, schema, list, named };

// Not what stands in `allOf` and `not`: closed, the parts of an object would shut each other out,
// and what must not be would be less.
Behind behind(const JsonMember& member) {
  constexpr std::array lists{"anyOf", "oneOf", "prefixItems"};
  constexpr std::array named{"properties", "$defs", "definitions", "patternProperties"};
  const auto is = [&](std::string_view word) { return member.key_is(word); };
  if (is("items")) return Behind::schema;
  if (std::ranges::any_of(lists, is)) return Behind::list;
  return std::ranges::any_of(named, is) ? Behind::named : Behind::value;
}

bool is_objects(const JsonValue& type) {
  if (type.kind != JsonKind::array) return type.string_is("object");
  for (const JsonValue& one : json_elements(type.text)) {
    if (one.string_is("object")) return true;
  }
  return false;
}

bool write_list(const JsonValue& schemas, JsonPieces& out) {
  bool changed = false;
  out.open('[');
  for (const JsonValue& one : json_elements(schemas.text))
    changed |= write_closed_schema(one, out);
  out.close(']');
  return changed;
}

bool write_named(const JsonValue& schemas, JsonPieces& out) {
  bool changed = false;
  out.open('{');
  for (const JsonMember& one : json_members(schemas.text))
    changed |= write_closed_schema(one.value, out.key(one.key));
  out.close('}');
  return changed;
}

}  // namespace

bool write_closed_schema(const JsonValue& schema, JsonPieces& out) {
  if (schema.kind != JsonKind::object || schema.text.size() > bytes_max) {
    out.json(schema.text);
    return false;
  }
  bool changed = false;
  bool object = false;
  bool said = false;
  out.open('{');
  for (const JsonMember& member : json_members(schema.text)) {
    const JsonValue& value = member.value;
    object |= member.key_is("properties") || (member.key_is("type") && is_objects(value));
    said |= member.key_is("additionalProperties");
    out.key(member.key);
    const Behind what = behind(member);
    if (what == Behind::list && value.kind == JsonKind::array) {
      changed |= write_list(value, out);
    } else if (what == Behind::named && value.kind == JsonKind::object) {
      changed |= write_named(value, out);
    } else if (what == Behind::schema) {
      changed |= write_closed_schema(value, out);
    } else {
      out.json(value.text);
    }
  }
  const bool closes = object && !said;
  if (closes) out.key("additionalProperties").json("false");
  out.close('}');
  return changed || closes;
}

}  // namespace rocket
