#include "schema/stream_grammar.h"

#include <fmt/format.h>

#include "schema/raw_characters.h"

namespace rocket {
namespace {

std::string string_at(std::string_view object, std::string_view key) {
  const auto value = json_find(object, key);
  return value ? value->as_string().value_or("") : "";
}

std::int64_t number_at(std::string_view object, std::string_view key) {
  const auto value = json_find(object, key);
  return value ? value->as_int().value_or(-1) : -1;
}

std::string_view object_at(std::string_view object, std::string_view key) {
  const auto value = json_find(object, key);
  return value && value->kind == JsonKind::object ? value->text : std::string_view();
}

bool is_object(std::string_view text) {
  const auto value = parse_json(text);
  return value && value->kind == JsonKind::object;
}

// Of a page that a text of so many characters stands behind; empty: nothing is wrong with it.
std::string check_page(std::string_view citation, size_t length) {
  if (string_at(citation, "url").empty()) return "a citation without a url";
  const auto title = json_find(citation, "title");
  if (!title || title->kind != JsonKind::string) return "a citation without a title";
  const std::int64_t begin = number_at(citation, "start_index");
  const std::int64_t end = number_at(citation, "end_index");
  const bool within = begin >= 0 && begin <= end && end <= static_cast<std::int64_t>(length);
  return within ? "" : "a citation of what is not in the text";
}

std::string check_anthropic_citation(std::string_view citation) {
  const std::string type = string_at(citation, "type");
  const bool page = type == "web_search_result_location";
  if (!page && type != "search_result_location" && type != "char_location" &&
      type != "page_location" && type != "content_block_location") {
    return "not a citation: " + type;
  }
  for (const char* key : {"cited_text", page ? "encrypted_index" : "type"}) {
    const auto value = json_find(citation, key);
    if (!value || value->kind != JsonKind::string) return "a citation without " + std::string(key);
  }
  return page && string_at(citation, "url").empty() ? "a citation without a url" : "";
}

}  // namespace

Result<void> EventOrder::take(const StreamEvent& event) {
  if (!step(event)) return fail(ErrorCode::internal, "the steps of an answer are out of order");
  return next_.take(event);
}

bool EventOrder::step(const StreamEvent& event) {
  using Kind = StreamEvent::Kind;
  if (state_ == State::over) return false;
  switch (event.kind) {
    case Kind::ping: return true;
    case Kind::error: state_ = State::over; return true;
    case Kind::text: return state_ == State::inside && event.block == block_ && !event.text.empty();
    case Kind::citation:
      return state_ == State::inside && block_ == Part::Kind::text && event.citation != nullptr;
    case Kind::signature: return state_ == State::inside && block_ == Part::Kind::thinking;
    case Kind::start:
      if (state_ != State::before) return false;
      state_ = State::between;
      return true;
    case Kind::block_start:
      if (state_ != State::between) return false;
      state_ = State::inside;
      block_ = event.block;
      return true;
    case Kind::block_end:
      if (state_ != State::inside || event.block != block_) return false;
      state_ = State::between;
      return true;
    case Kind::usage:
      if (state_ != State::between) return false;
      state_ = State::counted;
      return true;
    case Kind::stop:
      if (state_ != State::between && state_ != State::counted) return false;
      state_ = State::over;
      return true;
  }
  return false;
}

std::string StreamGrammar::check(std::string_view data) {
  if (data.empty()) return {};  // a comment
  if (state_ == State::over || state_ == State::failed) return "an event behind the end";
  if (dialect_ == Dialect::chat && data == "[DONE]") {
    if (state_ != State::ending) return "[DONE] without a finish_reason";
    state_ = State::over;
    return {};
  }
  if (!is_object(data)) return "not a JSON object";
  switch (dialect_) {
    case Dialect::chat: return check_chat(data);
    case Dialect::anthropic: return check_anthropic(data);
    case Dialect::responses: return check_responses(data);
    default: return check_ollama(data);
  }
}

std::string StreamGrammar::check_end() const {
  if (state_ == State::over || state_ == State::failed) return {};
  return "the stream ends in the middle";
}

std::string StreamGrammar::check_chat(std::string_view data) {
  if (json_find(data, "error")) {
    state_ = State::failed;
    return {};
  }
  if (string_at(data, "object") != "chat.completion.chunk") return "not a chunk";
  if (string_at(data, "id").empty() || string_at(data, "model").empty()) return "no id or model";
  const auto choices = json_find(data, "choices");
  if (!choices || choices->kind != JsonKind::array) return "no choices";
  const auto elements = json_elements(choices->text);
  const auto first = elements.begin();
  if (first == std::default_sentinel) {
    return state_ == State::ending && !object_at(data, "usage").empty() ? "" : "no choice";
  }
  if (state_ == State::ending) return "a choice behind its finish_reason";
  const std::string_view delta = object_at(first->text, "delta");
  if (delta.empty()) return "no delta";
  if (state_ == State::before && string_at(delta, "role") != "assistant") return "no role";
  state_ = State::between;
  const std::string problem = check_chat_delta(delta);
  if (!problem.empty()) return problem;
  const std::string finish = string_at(first->text, "finish_reason");
  if (finish.empty()) return {};
  state_ = State::ending;
  return read_stop_word(Dialect::chat, finish) ? "" : "not a finish_reason: " + finish;
}

std::string StreamGrammar::check_chat_annotations(std::string_view delta) const {
  const auto list = json_find(delta, "annotations");
  if (!list) return {};
  if (list->kind != JsonKind::array) return "annotations that are not a list";
  for (const JsonValue& one : json_elements(list->text)) {
    if (string_at(one.text, "type") != "url_citation") return "not an annotation of chat";
    const std::string problem = check_page(object_at(one.text, "url_citation"), said_);
    if (!problem.empty()) return problem;
  }
  return {};
}

std::string StreamGrammar::check_chat_delta(std::string_view delta) {
  const auto content = json_find(delta, "content");
  if (content) said_ += count_characters(content->raw_string());
  const std::string problem = check_chat_annotations(delta);
  if (!problem.empty()) return problem;
  const auto calls = json_find(delta, "tool_calls");
  const std::string_view legacy = object_at(delta, "function_call");
  if (!legacy.empty()) {
    const bool begins = !string_at(legacy, "name").empty();
    if (calls || begins != calls_.empty()) return "a function_call out of place";
    if (begins) calls_.emplace_back();
    calls_.back() += string_at(legacy, "arguments");
    return {};
  }
  if (!calls) return {};
  for (const JsonValue& call : json_elements(calls->text)) {
    const std::int64_t index = number_at(call.text, "index");
    const auto count = static_cast<std::int64_t>(calls_.size());
    const std::string_view function = object_at(call.text, "function");
    if (function.empty()) return "a call without a function";
    if (index == count) {
      if (string_at(call.text, "id").empty() || string_at(function, "name").empty()) {
        return "a call that begins without an id or a name";
      }
      calls_.push_back(string_at(function, "arguments"));
    } else if (index >= 0 && index == count - 1) {
      calls_.back() += string_at(function, "arguments");
    } else {
      return fmt::format("call {} after {}", index, count - 1);
    }
  }
  return {};
}

std::string StreamGrammar::check_anthropic(std::string_view data) {
  const std::string type = string_at(data, "type");
  if (type == "ping") return {};
  if (type == "error") {
    state_ = State::failed;
    const std::string_view error = object_at(data, "error");
    return string_at(error, "type").empty() ? "an error without a type" : "";
  }
  if (type == "message_start") {
    if (state_ != State::before) return "a second message_start";
    state_ = State::between;
    const std::string_view message = object_at(data, "message");
    const bool whole = string_at(message, "type") == "message" &&
                       string_at(message, "role") == "assistant" &&
                       !string_at(message, "id").empty() && json_find(message, "content") &&
                       number_at(object_at(message, "usage"), "input_tokens") >= 0;
    return whole ? "" : "a message_start with something missing";
  }
  if (type == "message_delta") {
    if (state_ != State::between) return "message_delta out of place";
    state_ = State::ending;
    const std::string stop = string_at(object_at(data, "delta"), "stop_reason");
    if (!read_stop_word(Dialect::anthropic, stop)) return "not a stop_reason: " + stop;
    return number_at(object_at(data, "usage"), "output_tokens") >= 0 ? "" : "no usage";
  }
  if (type == "message_stop") {
    if (state_ != State::ending) return "message_stop out of place";
    state_ = State::over;
    return {};
  }
  return check_anthropic_block(data, type);
}

std::string StreamGrammar::check_anthropic_block(std::string_view data, std::string_view type) {
  if (number_at(data, "index") != index_) return "not the index of the open block";
  if (type == "content_block_start") {
    if (state_ != State::between) return "content_block_start out of place";
    state_ = State::inside;
    const std::string_view block = object_at(data, "content_block");
    block_ = string_at(block, "type");
    text_.clear();
    if (block_ == "tool_use" &&
        (string_at(block, "id").empty() || string_at(block, "name").empty())) {
      return "a tool_use without an id or a name";
    }
    return block_.empty() ? "a block without a type" : "";
  }
  if (state_ != State::inside) return "an event of a block while none is open";
  if (type == "content_block_delta") return check_anthropic_delta(object_at(data, "delta"));
  if (type != "content_block_stop") return "not an event: " + std::string(type);
  state_ = State::between;
  ++index_;
  if (block_ != "tool_use" || text_.empty() || is_object(text_)) return {};
  return "the input of a tool is not an object: " + text_;
}

std::string StreamGrammar::check_anthropic_delta(std::string_view delta) {
  const std::string type = string_at(delta, "type");
  const std::string_view block = type == "text_delta"         ? "text"
                                 : type == "input_json_delta" ? "tool_use"
                                 : type == "citations_delta"  ? "text"
                                                              : "thinking";
  if (type != "text_delta" && type != "input_json_delta" && type != "citations_delta" &&
      type != "thinking_delta" && type != "signature_delta") {
    return "not a delta: " + type;
  }
  if (block != block_) return type + " in a block of " + block_;
  if (type == "citations_delta") return check_anthropic_citation(object_at(delta, "citation"));
  if (type == "input_json_delta") text_ += string_at(delta, "partial_json");
  return {};
}

std::string StreamGrammar::check_ollama(std::string_view data) {
  if (json_find(data, "error")) {
    state_ = State::failed;
    return {};
  }
  const auto done = json_find(data, "done");
  if (!done || done->kind != JsonKind::boolean) return "no done";
  if (string_at(data, "model").empty() || string_at(data, "created_at").empty()) {
    return "no model or created_at";
  }
  const bool chat = dialect_ == Dialect::ollama;
  const std::string_view message = object_at(data, "message");
  if (chat ? message.empty() : !json_find(data, "response")) return "no message or response";
  if (const auto calls = json_find(message, "tool_calls")) {
    for (const JsonValue& call : json_elements(calls->text)) {
      if (object_at(object_at(call.text, "function"), "arguments").empty()) {
        return "arguments that are not an object";
      }
    }
  }
  state_ = *done->as_bool() ? State::over : State::between;
  if (state_ != State::over) return {};
  return read_stop_word(dialect_, string_at(data, "done_reason")) ? "" : "no done_reason";
}

std::string StreamGrammar::check_responses(std::string_view data) {
  const std::string type = string_at(data, "type");
  if (number_at(data, "sequence_number") != sequence_++) return "not the next sequence_number";
  if (type == "error") {
    state_ = State::failed;
    return {};
  }
  const bool whole = type == "response.completed" || type == "response.incomplete";
  if (type == "response.created" || type == "response.in_progress" || whole ||
      type == "response.failed") {
    const std::string_view response = object_at(data, "response");
    if ((type == "response.created") != (state_ == State::before)) return type + " out of place";
    if (whole && state_ != State::between) return type + " inside of an item";
    state_ = State::between;
    if (whole) state_ = State::over;
    if (type == "response.failed") state_ = State::failed;
    for (const std::string_view key :
         {"id", "object", "created_at", "error", "incomplete_details", "instructions", "model",
          "tools", "output", "parallel_tool_calls", "metadata", "tool_choice", "temperature",
          "top_p", "status", "text", "usage"}) {
      if (!json_find(response, key)) return type + " without " + std::string(key);
    }
    if (!whole) return {};
    const auto output = json_find(response, "output");
    std::int64_t items = 0;
    for (const JsonValue& item : json_elements(output->text))
      items += item.kind == JsonKind::object ? 1 : 0;
    return items == index_ ? "" : "an output that is not what was said";
  }
  return check_item(data, type);
}

std::string StreamGrammar::check_item(std::string_view data, std::string_view type) {
  if (number_at(data, "output_index") != index_) return "not the index of the open item";
  if (type == "response.output_item.added") {
    if (state_ != State::between) return "an item inside of another, or before the start";
    state_ = State::inside;
    block_ = string_at(object_at(data, "item"), "id");
    part_ = false;
    text_.clear();
    cited_.clear();
    return block_.empty() ? "an item without an id" : "";
  }
  if (state_ != State::inside) return "an event of an item while none is open";
  if (type == "response.output_item.done") {
    if (part_) return "an item that ends inside of a part";
    state_ = State::between;
    ++index_;
    const std::string_view item = object_at(data, "item");
    if (string_at(item, "id") != block_) return "another item ends";
    const auto content = json_find(item, "content");
    for (const JsonValue& part : json_elements(content ? content->text : "[]")) {
      const std::string problem = check_whole_text(part.text);
      if (!problem.empty()) return problem;
    }
    return {};
  }
  if (string_at(data, "item_id") != block_) return "of another item";
  if (type == "response.content_part.added" || type == "response.content_part.done") {
    if (part_ == type.ends_with("added")) return "a part that begins or ends twice";
    part_ = !part_;
    return part_ ? "" : check_whole_text(object_at(data, "part"));
  }
  if (type == "response.output_text.annotation.added") return check_annotation(data);
  const bool call = type.starts_with("response.function_call_arguments.");
  if (!call && !part_) return "a text outside of a part";
  if (type.ends_with(".delta")) {
    text_ += string_at(data, "delta");
    return {};
  }
  if (!type.ends_with(".done")) return "not an event: " + std::string(type);
  const std::string said = string_at(data, call                              ? "arguments"
                                           : type == "response.refusal.done" ? "refusal"
                                                                             : "text");
  return said == text_ ? "" : "a whole that is not the sum of its deltas";
}

// Before its text is told as a whole, which it is a place in.
std::string StreamGrammar::check_annotation(std::string_view data) {
  if (!part_) return "an annotation outside of a part";
  if (number_at(data, "annotation_index") != static_cast<std::int64_t>(cited_.size())) {
    return "not the index of the next annotation";
  }
  const std::string_view annotation = object_at(data, "annotation");
  cited_.emplace_back(annotation);
  const std::string type = string_at(annotation, "type");
  if (type == "file_citation") {
    const bool whole = !string_at(annotation, "file_id").empty() &&
                       json_find(annotation, "filename") && number_at(annotation, "index") >= 0;
    return whole ? "" : "a file that is cited with something missing";
  }
  if (type != "url_citation") return "not an annotation: " + type;
  return check_page(annotation, count_characters(json_quoted(text_)) - 2);
}

// What was cited one by one is there again.
std::string StreamGrammar::check_whole_text(std::string_view part) const {
  if (string_at(part, "type") != "output_text") return {};
  const auto list = json_find(part, "annotations");
  if (!list || list->kind != JsonKind::array) return "a text without annotations";
  std::vector<std::string> whole;
  for (const JsonValue& one : json_elements(list->text))
    whole.emplace_back(one.text);
  return whole == cited_ ? "" : "annotations that are not those that were told";
}

}  // namespace rocket
