#include "schema/openai_answer.h"

#include <algorithm>

#include "wire/json.h"

namespace rocket {
namespace {

constexpr size_t error_bytes_max = 512;

// More would overflow what is added up.
constexpr std::int64_t count_max = std::int64_t{1} << 53U;

std::int64_t count_of(const JsonValue& value) {
  return std::clamp<std::int64_t>(value.as_int().value_or(0), 0, count_max);
}

std::optional<Usage> read_usage(const JsonValue& value) {
  if (value.kind != JsonKind::object) return std::nullopt;
  Usage usage;
  for (const JsonMember& member : json_members(value.text)) {
    if (member.key_is("prompt_tokens")) {
      usage.in = count_of(member.value);
    } else if (member.key_is("completion_tokens")) {
      usage.out = count_of(member.value);
    } else if (member.key_is("prompt_tokens_details") && member.value.kind == JsonKind::object) {
      if (const auto cached = json_find(member.value.text, "cached_tokens")) {
        usage.cached = count_of(*cached);
      }
    }
  }
  return usage;
}

// A string that says something, a list or object with something in it, any number or flag.
bool says_something(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::null: return false;
    case JsonKind::string: return !value.raw_string().empty();
    case JsonKind::array: return json_elements(value.text).begin() != std::default_sentinel;
    case JsonKind::object: return json_members(value.text).begin() != std::default_sentinel;
    default: return true;
  }
}

// What a choice says: nothing, something, or `text` as well if that is what it says; and whether it
// has ended.
struct Said {
  bool something = false;
  bool ended = false;
  std::string_view text;
};

Said said_by_choice(Operation operation, std::string_view choice) {
  const bool chat = operation == Operation::chat_completions;
  Said said;
  for (const JsonMember& member : json_members(choice)) {
    if (member.key_is("finish_reason") && says_something(member.value)) said.ended = true;
    if (!chat && member.key_is("text") && says_something(member.value)) {
      return {true, said.ended, member.value.raw_string()};
    }
    if (!chat || !member.key_is("delta") || member.value.kind != JsonKind::object) continue;
    for (const JsonMember& part : json_members(member.value.text)) {
      if (!part.key_is("role") && says_something(part.value)) {
        return {true, said.ended, part.value.raw_string()};
      }
    }
  }
  return said;
}

std::string error_message(const JsonValue& error) {
  if (error.kind == JsonKind::object) {
    const auto message = json_find(error.text, "message");
    if (message && !message->is_null())
      return message->as_string().value_or(std::string(message->text));
  }
  return error.as_string().value_or(std::string(error.text));
}

// What a proxy in between says: its title, and none of the rest, which is for browsers.
std::string words_of_page(std::string_view page) {
  constexpr std::string_view open = "<title>";
  const size_t begin = page.find(open);
  if (begin == page.npos) return "a page";
  const std::string_view rest = page.substr(begin + open.size());
  const std::string_view title = rest.substr(0, rest.find('<'));
  if (title.empty()) return "a page";
  return "a page, '" + std::string(title) + "'";
}

bool is_page(std::string_view body) {
  const size_t first = body.find_first_not_of(" \t\r\n");
  return first != body.npos && body[first] == '<';
}

}  // namespace

Result<OpenAiAnswer> read_openai_answer(std::string_view text) {
  OpenAiAnswer answer;
  const auto scanned = scan_object(text, JsonLimits{}, [&](const JsonMember& member) {
    answer.empty = false;
    if (member.key_is("usage")) answer.usage = read_usage(member.value);
    if (member.key_is("_backend")) answer.marked = member.value.text;
    if (member.value.kind == JsonKind::array) {
      answer.has_list |= member.key_is("choices") || member.key_is("data");
    }
    if (member.key_is("error") && !member.value.is_null()) {
      answer.error = error_message(member.value);
    }
  });
  if (!scanned) return fail(ErrorCode::upstream_garbage, "the answer is not a JSON object");
  answer.object_end = text.rfind('}');
  return answer;
}

Result<OpenAiEvent> read_openai_event(Operation operation, std::string_view data) {
  OpenAiEvent event;
  if (data.empty()) return event;
  if (data == "[DONE]") {
    event.kind = OpenAiEvent::Kind::done;
    return event;
  }
  bool has_choices = false;
  Said said;
  bool has_error = false;
  const auto scanned = scan_object(data, JsonLimits{}, [&](const JsonMember& member) {
    if (member.key_is("choices") && member.value.kind == JsonKind::array) {
      for (const JsonValue& choice : json_elements(member.value.text)) {
        has_choices = true;
        if (choice.kind != JsonKind::object || said.something) continue;
        const bool ended = said.ended;
        said = said_by_choice(operation, choice.text);
        said.ended |= ended;
      }
    } else if (member.key_is("usage")) {
      event.usage = read_usage(member.value);
    } else if (member.key_is("error") && !member.value.is_null()) {
      has_error = true;
      event.error = error_message(member.value);
    }
  });
  if (!scanned) return fail(ErrorCode::upstream_garbage, "an event of the stream is not JSON");
  if (has_error) {
    event.kind = OpenAiEvent::Kind::error;
  } else if (said.something || said.ended) {
    event.kind = OpenAiEvent::Kind::content;
    event.ends_only = !said.something;
    event.text = said.text;
  } else if (!has_choices && event.usage) {
    event.kind = OpenAiEvent::Kind::usage;
  }
  return event;
}

std::string read_upstream_error(std::string_view body) {
  std::string message;
  if (const auto value = parse_json(body)) {
    if (value->kind == JsonKind::object) {
      for (const std::string_view key : {"error", "detail", "message"}) {
        const auto member = json_find(value->text, key);
        if (!member || member->is_null()) continue;
        message = error_message(*member);
        break;
      }
    }
    if (message.empty()) message = value->text;
  } else if (is_page(body)) {
    message = words_of_page(body);
  } else {
    message = body;
  }
  if (message.size() <= error_bytes_max) return message;
  size_t end = error_bytes_max;
  // Not inside a character.
  while (end != 0 && (static_cast<unsigned char>(message[end]) & 0xC0U) == 0x80U)
    --end;
  message.resize(end);
  return message;
}

}  // namespace rocket
