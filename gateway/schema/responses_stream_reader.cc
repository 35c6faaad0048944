#include "schema/responses_stream_reader.h"

#include "schema/citations.h"
#include "schema/openai_answer.h"
#include "schema/sealed_thoughts.h"

namespace rocket {

struct ResponsesStreamReader::Said {
  JsonValue type;
  JsonValue response;
  JsonValue item;
  JsonValue part;
  JsonValue annotation;
  RawText delta;
};

Result<void> ResponsesStreamReader::read(std::string_view data, StreamSink& sink) {
  // Some servers end with it, as chat completions do.
  if (data.empty() || data == "[DONE]" || done_) return {};
  Said said;
  const auto scanned = scan_object(data, JsonLimits{}, [&](const JsonMember& member) {
    if (member.key_is("type")) {
      said.type = member.value;
    } else if (member.key_is("response")) {
      said.response = member.value;
    } else if (member.key_is("item")) {
      said.item = member.value;
    } else if (member.key_is("part")) {
      said.part = member.value;
    } else if (member.key_is("annotation")) {
      said.annotation = member.value;
    } else if (member.key_is("delta")) {
      said.delta = raw_text(member.value);
    }
  });
  if (!scanned) return fail(ErrorCode::upstream_garbage, "an event of the stream is not JSON");
  if (said.type.string_is("error")) {
    return fail(ErrorCode::upstream_error_event, read_upstream_error(data));
  }
  if (said.type.string_is("response.failed")) {
    return fail(ErrorCode::upstream_error_event, read_upstream_error(said.response.text));
  }
  return take(said, sink);
}

Result<void> ResponsesStreamReader::take(const Said& said, StreamSink& sink) {
  const JsonValue& type = said.type;
  if (type.string_is("response.output_text.delta")) {
    return block_.add(sink, Part::Kind::text, said.delta);
  }
  if (type.string_is("response.function_call_arguments.delta")) {
    if (!block_.is(Part::Kind::tool_call)) {
      return fail(ErrorCode::upstream_garbage, "a piece of a tool's call belongs to none");
    }
    return block_.add(sink, Part::Kind::tool_call, said.delta);
  }
  if (type.string_is("response.reasoning_text.delta") ||
      type.string_is("response.reasoning_summary_text.delta")) {
    return block_.add(sink, Part::Kind::thinking, said.delta);
  }
  if (type.string_is("response.refusal.delta")) {
    return block_.add(sink, Part::Kind::refusal, said.delta);
  }
  if (type.string_is("response.output_text.annotation.added")) {
    return take_annotation(said.annotation, sink);
  }
  if (type.string_is("response.content_part.done")) return end_part(said.part, sink);
  if (type.string_is("response.created")) return take_start(said.response, sink);
  if (type.string_is("response.output_item.added")) return take_item(said.item, sink);
  if (type.string_is("response.output_item.done")) return end_item(said.item, sink);
  if (type.string_is("response.completed") || type.string_is("response.incomplete")) {
    return end(said.response, sink);
  }
  return {};
}

Result<void> ResponsesStreamReader::take_start(const JsonValue& response, StreamSink& sink) {
  StreamEvent event{.kind = StreamEvent::Kind::start};
  for (const JsonMember& member : json_members(response.text)) {
    if (member.key_is("id")) event.id = raw_text(member.value);
    if (member.key_is("model")) event.name = raw_text(member.value);
  }
  return block_.start(sink, event);
}

// What is of no use to other dialects goes no further.
Result<void> ResponsesStreamReader::take_annotation(const JsonValue& value, StreamSink& sink) {
  ++annotations_;
  const auto citation = read_citation(Dialect::responses, value);
  if (!citation || citation->kind == Citation::Kind::foreign) return {};
  return block_.cite(sink, *citation);
}

// Some servers tell of annotations only where the whole text is told.
Result<void> ResponsesStreamReader::end_part(const JsonValue& part, StreamSink& sink) {
  const size_t told = std::exchange(annotations_, 0);
  const auto list = block_.is(Part::Kind::text) ? json_find(part.text, "annotations")
                                                : std::optional<JsonValue>();
  if (list && list->kind == JsonKind::array) {
    size_t n = 0;
    for (const JsonValue& one : json_elements(list->text)) {
      if (n++ < told) continue;
      const auto taken = take_annotation(one, sink);
      if (!taken) return taken;
    }
  }
  annotations_ = 0;
  // What was thought may be signed at the end of its item.
  return block_.is(Part::Kind::thinking) ? Result<void>() : block_.end(sink);
}

Result<void> ResponsesStreamReader::end_item(const JsonValue& item, StreamSink& sink) {
  const auto sealed = json_find(item.text, "encrypted_content");
  Part part{.kind = Part::Kind::thinking};
  if (!sealed || !read_seal(raw_text(*sealed), part)) return block_.end(sink);
  StreamEvent begin{.kind = StreamEvent::Kind::block_start, .block = part.kind};
  StreamEvent signature{.kind = StreamEvent::Kind::signature, .block = part.kind};
  signature.text = part.signature;
  Result<void> result;
  if (part.kind == Part::Kind::redacted_thinking) {
    begin.text = part.text;
    result = block_.begin(sink, begin);
  } else {
    if (!block_.is(part.kind)) result = block_.begin(sink, begin);
    if (result) result = sink.take(signature);
  }
  return result ? block_.end(sink) : result;
}

Result<void> ResponsesStreamReader::take_item(const JsonValue& item, StreamSink& sink) {
  StreamEvent event{.kind = StreamEvent::Kind::block_start, .block = Part::Kind::tool_call};
  bool is_call = false;
  for (const JsonMember& member : json_members(item.text)) {
    if (member.key_is("type")) is_call = member.value.string_is("function_call");
    if (member.key_is("call_id")) event.id = raw_text(member.value);
    if (member.key_is("name")) event.name = raw_text(member.value);
  }
  if (!is_call) return block_.end(sink);
  calls_seen_ = true;
  return block_.begin(sink, event);
}

Result<void> ResponsesStreamReader::end(const JsonValue& response, StreamSink& sink) {
  bool incomplete = false;
  StopReason stop = calls_seen_ ? StopReason::tool_use : StopReason::end;
  StreamEvent usage{.kind = StreamEvent::Kind::usage};
  bool counted = false;
  for (const JsonMember& member : json_members(response.text)) {
    if (member.key_is("status")) incomplete = member.value.string_is("incomplete");
    if (member.key_is("usage")) {
      counted = read_usage(Dialect::responses, member.value.text, usage.usage);
    }
    if (!member.key_is("incomplete_details")) continue;
    const auto reason = json_find(member.value.text, "reason");
    const auto word =
        reason ? read_stop_word(Dialect::responses, reason->raw_string()) : std::nullopt;
    if (reason) stop = word.value_or(StopReason::max_tokens);
  }
  if (incomplete && (stop == StopReason::end || stop == StopReason::tool_use)) {
    stop = StopReason::max_tokens;
  }
  done_ = true;
  auto result = block_.end(sink);
  if (result && counted) result = sink.take(usage);
  if (!result) return result;
  StreamEvent event{.kind = StreamEvent::Kind::stop};
  event.stop = stop;
  return sink.take(event);
}

}  // namespace rocket
