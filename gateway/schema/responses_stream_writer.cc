#include "schema/responses_stream_writer.h"

#include <fmt/format.h>

#include <utility>

#include "schema/citations.h"
#include "schema/raw_characters.h"
#include "schema/responses_items.h"

namespace rocket {
namespace {

struct EventTypes {
  std::string_view delta;
  std::string_view done;
  std::string_view member;  // of `done`: the whole text
};

EventTypes types_of(Part::Kind kind) {
  switch (kind) {
    case Part::Kind::thinking:
      return {"response.reasoning_text.delta", "response.reasoning_text.done", "text"};
    case Part::Kind::refusal: return {"response.refusal.delta", "response.refusal.done", "refusal"};
    case Part::Kind::tool_call:
      return {"response.function_call_arguments.delta", "response.function_call_arguments.done",
              "arguments"};
    default: return {"response.output_text.delta", "response.output_text.done", "text"};
  }
}

std::unexpected<Error> too_large() {
  return fail(ErrorCode::upstream_too_large, "the answer is larger than a response may be");
}

void write_part(const Part& part, JsonPieces& out) {
  if (part.kind == Part::Kind::thinking) {
    out.open('{').key("type").quoted("reasoning_text").key("text").text(part.text).close('}');
  } else {
    write_responses_part(part, out);
  }
}

}  // namespace

ResponsesStreamWriter::ResponsesStreamWriter(const AnswerFrame& frame)
    : id_(frame.id), own_model_(frame.model), echo_(frame.echo), created_(frame.created) {}

Result<void> ResponsesStreamWriter::take(const StreamEvent& event) {
  using Kind = StreamEvent::Kind;
  switch (event.kind) {
    case Kind::text: return add(event);
    case Kind::citation: return cite(*event.citation);
    case Kind::start: begin(event); break;
    case Kind::block_start:
      end_block(StopReason::end);
      if (kept_bytes() + event.text.inside.size() > answer_max) return too_large();
      if (!responses_item_type(event.block).empty()) begin_block(event);
      break;
    case Kind::signature:
      if (kept_bytes() + event.text.inside.size() > answer_max) return too_large();
      signature_ += event.text.inside;
      break;
    case Kind::block_end: ended_ = open_; break;
    case Kind::usage:
      usage_ = event.usage;
      counted_ = true;
      break;
    case Kind::stop:
      end_block(event.stop);
      end(event.stop);
      break;
    case Kind::error:
      end_block(StopReason::end);
      fail_with(event);
      break;
    case Kind::ping: out() += ": ping\n\n";
  }
  return {};
}

AnswerFrame ResponsesStreamWriter::frame() const {
  return {.id = id_, .model = own_model_, .created = created_, .created_at = {}, .echo = echo_};
}

void ResponsesStreamWriter::write(std::string_view type, const JsonPieces& members) {
  std::string& to = out();
  to += "event: ";
  to += type;
  to += "\ndata: {\"type\":\"";
  to += type;
  to += "\",\"sequence_number\":";
  to += std::to_string(sequence_++);
  to += ',';
  for (const std::string_view piece : members.pieces())
    to += piece;
  to += "}\n\n";
}

std::string ResponsesStreamWriter::response(const ResponseState& state) const {
  JsonPieces out;
  write_response_head(state, {model_}, frame(), out);
  out.key("output").open('[');
  if (!output_.empty()) out.json(output_);
  out.close(']');
  write_response_tail(counted_ ? &usage_ : nullptr, frame(), out);
  return out.joined();
}

void ResponsesStreamWriter::write_response(std::string_view type, const ResponseState& state) {
  const std::string written = response(state);
  JsonPieces members;
  members.key("response").json(written);
  write(type, members);
}

void ResponsesStreamWriter::begin(const StreamEvent& event) {
  started_ = true;
  model_ = event.name.inside;
  write_response("response.created", {"in_progress", {}});
  write_response("response.in_progress", {"in_progress", {}});
}

JsonPieces ResponsesStreamWriter::in_item() const {
  JsonPieces members;
  members.key("item_id").quoted(item_id_).key("output_index").json(fmt::format("{}", items_));
  return members;
}

JsonPieces ResponsesStreamWriter::in_part() const {
  JsonPieces members = in_item();
  if (responses_item_has_parts(kind_)) members.key("content_index").json("0");
  return members;
}

Part ResponsesStreamWriter::part() const {
  Part part{.kind = kind_};
  part.text = {text_};
  part.signature = {signature_};
  part.id = {call_id_};
  part.name = {name_};
  part.arguments = arguments_;
  for (size_t i = 0; i < citations_.size(); ++i)
    part.citations.push_back(citations_[i]);
  return part;
}

void ResponsesStreamWriter::begin_block(const StreamEvent& event) {
  open_ = true;
  kind_ = event.block;
  item_id_ = fmt::format("{}_{}_{}", responses_item_prefix(kind_), id_, items_);
  call_id_ =
      event.id.empty() ? fmt::format("call_{}_{}", id_, items_) : std::string(event.id.inside);
  name_ = event.name.inside;
  text_.clear();
  signature_.clear();
  citations_.clear();
  arguments_.clear();
  JsonPieces item;
  item.key("output_index").json(fmt::format("{}", items_)).key("item");
  write_responses_item(part(), {item_id_, "in_progress", {}, true}, item);
  write("response.output_item.added", item);
  // What is sealed comes at once.
  if (kind_ == Part::Kind::redacted_thinking) text_ = event.text.inside;
  if (responses_item_has_parts(kind_)) {
    JsonPieces begun = in_part();
    write_part({.kind = kind_}, begun.key("part"));
    write("response.content_part.added", begun);
  }
  const std::string_view type = types_of(kind_).delta;
  head_ = fmt::format("event: {}\ndata: {{\"type\":\"{}\",{}", type, type, in_part().joined());
  if (kind_ == Part::Kind::text) head_ += R"(,"logprobs":[])";
  head_ += R"(,"delta":")";
}

Result<void> ResponsesStreamWriter::add(const StreamEvent& event) {
  if (!open_) return {};
  if (output_.size() + text_.size() + event.text.inside.size() > answer_max) return too_large();
  text_ += event.text.inside;
  std::string& to = out();
  to += head_;
  to += event.text.inside;
  to += "\",\"sequence_number\":";
  to += std::to_string(sequence_++);
  to += "}\n\n";
  return {};
}

Result<void> ResponsesStreamWriter::cite(const Citation& citation) {
  if (!open_ || !can_tell_citation(Dialect::responses, citation)) return {};
  const auto added = citations_.add(citation);
  if (!added || kept_bytes() <= answer_max) return added;
  return too_large();
}

void ResponsesStreamWriter::write_citations() {
  if (citations_.empty()) return;
  const TextSpan text{0, count_characters(text_)};
  for (size_t i = 0; i < citations_.size(); ++i) {
    JsonPieces added = in_part();
    added.key("annotation_index").json(fmt::format("{}", i)).key("annotation");
    write_annotation(Dialect::responses, citations_[i], text, added);
    write("response.output_text.annotation.added", added);
  }
}

void ResponsesStreamWriter::write_whole_text() {
  const EventTypes types = types_of(kind_);
  JsonPieces whole = in_part();
  if (kind_ == Part::Kind::text) whole.key("logprobs").json("[]");
  if (kind_ == Part::Kind::tool_call) whole.key("name").text({name_});
  write(types.done, whole.key(types.member).text({text_}));
  if (kind_ == Part::Kind::tool_call) {
    arguments_ = RawText{text_}.decoded();
    return;
  }
  JsonPieces ended = in_part();
  write_part(part(), ended.key("part"));
  write("response.content_part.done", ended);
}

// Told as soon as it is known whether the answer goes on behind it or was cut off in it.
void ResponsesStreamWriter::end_block(StopReason stop) {
  if (!std::exchange(ended_, false)) return;
  if (kind_ == Part::Kind::tool_call && text_.empty()) {
    StreamEvent none{.kind = StreamEvent::Kind::text};
    none.text = {"{}"};
    (void)add(none);  // two bytes: they always fit
  }
  open_ = false;
  write_citations();
  if (kind_ != Part::Kind::redacted_thinking) write_whole_text();
  JsonPieces item;
  const bool whole_item = stop_word(Dialect::responses, stop) == "completed";
  write_responses_item(part(), {item_id_, whole_item ? "completed" : "incomplete", {}, false},
                       item);
  const std::string written = item.joined();
  JsonPieces members;
  members.key("output_index").json(fmt::format("{}", items_)).key("item").json(written);
  write("response.output_item.done", members);
  if (!output_.empty()) output_ += ',';
  output_ += written;
  ++items_;
}

void ResponsesStreamWriter::end(StopReason stop) {
  const std::string_view word = stop_word(Dialect::responses, stop);
  const bool completed = word == "completed";
  whole_ = completed ? response({word, {}}) : response({"incomplete", word});
  std::string().swap(output_);
  JsonPieces members;
  members.key("response").json(whole_);
  write(completed ? "response.completed" : "response.incomplete", members);
}

void ResponsesStreamWriter::fail_with(const StreamEvent& event) {
  const std::string message = event.text.decoded();
  if (started_) {
    write_response("response.failed", {"failed", {}, message});
    return;
  }
  JsonPieces members;
  members.key("code").json("null").key("message").quoted(message).key("param").json("null");
  write("error", members);
}

}  // namespace rocket
