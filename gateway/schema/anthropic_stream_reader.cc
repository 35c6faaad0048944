#include "schema/anthropic_stream_reader.h"

#include "schema/citations.h"
#include "schema/openai_answer.h"

namespace rocket {
namespace {

std::unexpected<Error> out_of_order() {
  return fail(ErrorCode::upstream_garbage, "an event of the stream is not in its place");
}

}  // namespace

struct AnthropicStreamReader::Said {
  JsonValue type;
  JsonValue message;
  JsonValue block;
  JsonValue delta;
  JsonValue usage;
};

Result<void> AnthropicStreamReader::read_event(std::string_view data, StreamSink& sink) {
  if (data.empty() || done_) return {};
  Said said;
  bool failed = false;
  bool overloaded = false;
  const auto scanned = scan_object(data, JsonLimits{}, [&](const JsonMember& member) {
    if (member.key_is("type")) {
      said.type = member.value;
    } else if (member.key_is("message")) {
      said.message = member.value;
    } else if (member.key_is("content_block")) {
      said.block = member.value;
    } else if (member.key_is("delta")) {
      said.delta = member.value;
    } else if (member.key_is("usage")) {
      said.usage = member.value;
    } else if (member.key_is("error")) {
      failed = !member.value.is_null();
      const auto type = json_find(member.value.text, "type");
      overloaded = type && type->string_is("overloaded_error");
    }
  });
  if (!scanned) return fail(ErrorCode::upstream_garbage, "an event of the stream is not JSON");
  if (failed) {
    return fail(overloaded ? ErrorCode::upstream_overloaded : ErrorCode::upstream_error_event,
                read_upstream_error(data));
  }
  last_text_ = {};
  const auto taken = take(said, sink);
  if (taken && !last_text_.empty()) pattern_.remember(data, last_text_.inside);
  return taken;
}

Result<void> AnthropicStreamReader::take(const Said& said, StreamSink& sink) {
  if (said.type.string_is("content_block_delta")) return take_delta(said.delta, sink);
  if (said.type.string_is("ping")) return sink.take({.kind = StreamEvent::Kind::ping});
  if (said.type.string_is("message_start")) return take_start(said.message, sink);
  if (said.type.string_is("content_block_start")) return take_block(said.block, sink);
  if (said.type.string_is("content_block_stop")) {
    if (std::exchange(skipped_, false)) return {};
    return block_.open() ? block_.end(sink) : out_of_order();
  }
  if (said.type.string_is("message_delta")) {
    take_message_delta(said);
    return {};
  }
  if (said.type.string_is("message_stop")) return end(sink);
  return {};  // of a type that is newer than this
}

Result<void> AnthropicStreamReader::take_start(const JsonValue& message, StreamSink& sink) {
  if (block_.started()) return out_of_order();
  StreamEvent event{.kind = StreamEvent::Kind::start};
  for (const JsonMember& member : json_members(message.text)) {
    if (member.key_is("id")) event.id = raw_text(member.value);
    if (member.key_is("model")) event.name = raw_text(member.value);
    if (member.key_is("usage")) (void)read_usage(Dialect::anthropic, member.value.text, usage_);
  }
  event.usage = usage_;
  return block_.start(sink, event);
}

Result<void> AnthropicStreamReader::take_block(const JsonValue& block, StreamSink& sink) {
  using Kind = Part::Kind;
  if (block_.open() || skipped_ || !block_.started()) return out_of_order();
  StreamEvent event{.kind = StreamEvent::Kind::block_start};
  RawText begun;
  JsonValue type;
  JsonValue input;
  JsonValue citations;
  for (const JsonMember& member : json_members(block.text)) {
    if (member.key_is("type")) type = member.value;
    if (member.key_is("id")) event.id = raw_text(member.value);
    if (member.key_is("name")) event.name = raw_text(member.value);
    if (member.key_is("data")) event.text = raw_text(member.value);
    if (member.key_is("text") || member.key_is("thinking")) begun = raw_text(member.value);
    if (member.key_is("input")) input = member.value;
    if (member.key_is("citations")) citations = member.value;
  }
  if (type.string_is("text")) {
    event.block = Kind::text;
  } else if (type.string_is("thinking")) {
    event.block = Kind::thinking;
  } else if (type.string_is("redacted_thinking")) {
    event.block = Kind::redacted_thinking;
  } else if (type.string_is("tool_use")) {
    event.block = Kind::tool_call;
  } else {
    skipped_ = true;
    return {};
  }
  auto taken = block_.begin(sink, event);
  if (!taken || event.block == Kind::redacted_thinking) return taken;
  for (const JsonValue& one : json_elements(citations.text)) {
    if (taken) taken = take_citation(one, sink);
  }
  if (!taken) return taken;
  if (event.block != Kind::tool_call) return block_.add(sink, event.block, begun);
  // Most begin with {} and go on with deltas; some servers give all of it here.
  if (Field{{}, input.text}.says_nothing() || input.kind != JsonKind::object) return {};
  const std::string quoted = json_quoted(input.text);
  return block_.add(sink, event.block, {std::string_view(quoted).substr(1, quoted.size() - 2)});
}

// What is of no use to other dialects goes no further.
Result<void> AnthropicStreamReader::take_citation(const JsonValue& value, StreamSink& sink) {
  const auto citation = read_citation(Dialect::anthropic, value);
  if (!citation || citation->kind == Citation::Kind::foreign) return {};
  return block_.cite(sink, *citation);
}

Result<void> AnthropicStreamReader::take_delta(const JsonValue& delta, StreamSink& sink) {
  using Kind = Part::Kind;
  if (skipped_) return {};
  if (!block_.open()) return out_of_order();
  RawText text;
  JsonValue type;
  JsonValue citation;
  for (const JsonMember& member : json_members(delta.text)) {
    if (member.key_is("type")) {
      type = member.value;
    } else if (member.key_is("citation")) {
      citation = member.value;
    } else if (member.key_is("text") || member.key_is("thinking") ||
               member.key_is("partial_json") || member.key_is("signature")) {
      text = raw_text(member.value);
    }
  }
  const bool fits = (type.string_is("text_delta") && block_.is(Kind::text)) ||
                    (type.string_is("thinking_delta") && block_.is(Kind::thinking)) ||
                    (type.string_is("input_json_delta") && block_.is(Kind::tool_call));
  if (fits) {
    last_text_ = text;
    return block_.add(sink, block_.kind(), text);
  }
  if (type.string_is("signature_delta") && block_.is(Kind::thinking)) {
    if (text.empty()) return {};
    return sink.take({.kind = StreamEvent::Kind::signature, .block = Kind::thinking, .text = text});
  }
  if (type.string_is("text_delta") || type.string_is("thinking_delta") ||
      type.string_is("input_json_delta") || type.string_is("signature_delta")) {
    return out_of_order();
  }
  if (type.string_is("citations_delta") && block_.is(Kind::text)) {
    return take_citation(citation, sink);
  }
  return {};  // what is newer than this
}

void AnthropicStreamReader::take_message_delta(const Said& said) {
  (void)read_usage(Dialect::anthropic, said.usage.text, usage_);
  for (const JsonMember& member : json_members(said.delta.text)) {
    if (member.key_is("stop_reason") && !member.value.is_null()) {
      stop_ = read_anthropic_stop(member.value.raw_string());
    }
    if (member.key_is("stop_sequence")) stop_sequence_ = member.value.raw_string();
  }
  if (stop_ == StopReason::end && !stop_sequence_.empty()) stop_ = StopReason::stop_sequence;
}

Result<void> AnthropicStreamReader::end(StreamSink& sink) {
  if (!stop_) {
    return fail(ErrorCode::upstream_garbage, "the stream ends for a reason that is not known");
  }
  if (block_.open() || skipped_ || !block_.started()) return out_of_order();
  done_ = true;
  StreamEvent usage{.kind = StreamEvent::Kind::usage};
  usage.usage = usage_;
  const auto taken = sink.take(usage);
  if (!taken) return taken;
  StreamEvent stop{.kind = StreamEvent::Kind::stop};
  stop.stop = *stop_;
  stop.stop_sequence = {stop_sequence_};
  return sink.take(stop);
}

}  // namespace rocket
