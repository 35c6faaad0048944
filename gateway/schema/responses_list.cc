#include "schema/responses_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "schema/json_pieces.h"

namespace rocket {
namespace {

struct Item {
  std::string id;
  JsonValue json;  // a string: a message of the user's
};

// How OpenAI's ids of such items begin.
std::string_view prefix_of(const JsonValue& item) {
  const auto type = json_find(item.text, "type");
  if (!type || type->string_is("message")) return "msg";
  if (type->string_is("function_call")) return "fc";
  if (type->string_is("function_call_output")) return "fco";
  return type->string_is("reasoning") ? "rs" : "item";
}

std::string id_of(const JsonValue& item, std::string_view response, size_t number) {
  const auto own = json_find(item.text, "id");
  std::string id = own ? own->as_string().value_or("") : "";
  if (id.empty()) id = fmt::format("{}_{}_in{}", prefix_of(item), response, number);
  return id;
}

std::vector<Item> items_of(std::span<const ListedResponse> conversation) {
  std::vector<Item> items;
  size_t number = 0;
  const auto add = [&](const ListedResponse& response, std::string_view list) {
    for (const JsonValue& item : json_elements(list))
      items.push_back({id_of(item, response.id, number++), item});
  };
  for (const ListedResponse& one : conversation) {
    number = 0;
    if (one.input.starts_with('"')) {
      items.push_back({fmt::format("msg_{}_in0", one.id), {JsonKind::string, one.input}});
    } else {
      add(one, one.input);
    }
    if (&one != &conversation.back()) add(one, one.output);
  }
  return items;
}

void write_text_part(bool said, RawText text, JsonPieces& out) {
  out.open('{').key("type").quoted(said ? "output_text" : "input_text").key("text").text(text);
  if (said) out.key("annotations").json("[]").key("logprobs").json("[]");
  out.close('}');
}

// As it is, with what answers always have and requests may leave out.
void write_part(const JsonValue& part, JsonPieces& out) {
  const auto type = json_find(part.text, "type");
  const bool image = type && type->string_is("input_image");
  const bool said = type && type->string_is("output_text");
  if (!image && !said) {
    out.json(part.text);
    return;
  }
  out.open('{');
  for (const JsonMember& member : json_members(part.text))
    out.field({member.key, member.value.text});
  const auto fill = [&](const char* key, std::string_view value) {
    if (!json_find(part.text, key)) out.key(key).json(value);
  };
  if (image) fill("detail", "\"auto\"");
  if (said) fill("annotations", "[]");
  if (said) fill("logprobs", "[]");
  out.close('}');
}

void write_content(const JsonValue& content, bool said, JsonPieces& out) {
  out.open('[');
  if (content.kind == JsonKind::string) {
    write_text_part(said, {content.raw_string()}, out);
  } else {
    for (const JsonValue& part : json_elements(content.text))
      write_part(part, out);
  }
  out.close(']');
}

void write_item(const Item& item, JsonPieces& out) {
  out.open('{').key("id").quoted(item.id);
  if (item.json.kind == JsonKind::string) {
    out.key("type").quoted("message").key("role").quoted("user").key("status").quoted("completed");
    write_content(item.json, false, out.key("content"));
    out.close('}');
    return;
  }
  const std::string_view text = item.json.text;
  const auto type = json_find(text, "type");
  const auto role = json_find(text, "role");
  const bool message = !type || type->string_is("message");
  const bool said = role && role->string_is("assistant");
  if (!type) out.key("type").quoted("message");
  bool status = false;
  for (const JsonMember& member : json_members(text)) {
    if (member.key_is("id")) continue;
    if (member.key_is("status")) {
      if (member.value.is_null()) continue;
      status = true;
    }
    if (message && member.key_is("content")) {
      write_content(member.value, said, out.key("content"));
    } else {
      out.field({member.key, member.value.text});
    }
  }
  const bool tool =
      type && (type->string_is("function_call") || type->string_is("function_call_output"));
  if (!status && (message || tool)) out.key("status").quoted("completed");
  out.close('}');
}

}  // namespace

std::string_view find_item(const ListedResponse& response, std::string_view id) {
  for (const std::string_view list : {response.input, response.output}) {
    size_t number = 0;
    for (const JsonValue& item : json_elements(list)) {
      if (id_of(item, response.id, number++) == id) return item.text;
    }
  }
  return {};
}

Result<std::string> write_item_list(std::span<const ListedResponse> conversation,
                                    const ListPage& page) {
  std::vector<Item> items = items_of(conversation);
  if (!page.ascending) std::ranges::reverse(items);
  auto first = items.begin();
  if (!page.after.empty()) {
    first = std::ranges::find(items, page.after, &Item::id);
    if (first == items.end()) {
      return fail(ErrorCode::invalid_field,
                  "`after` names none of the items; give the `last_id` of the page before");
    }
    ++first;
  }
  const auto left = static_cast<size_t>(items.end() - first);
  const std::span<const Item> shown(first, std::min(left, page.limit));
  JsonPieces out;
  out.open('{').key("object").quoted("list").key("data").open('[');
  for (const Item& item : shown)
    write_item(item, out);
  out.close(']');
  // Of an empty page there is no id; their clients want a string.
  out.key("first_id").quoted(shown.empty() ? "" : shown.front().id);
  out.key("last_id").quoted(shown.empty() ? "" : shown.back().id);
  out.key("has_more").json(left > page.limit ? "true" : "false").close('}');
  return out.joined();
}

}  // namespace rocket
