#include "schema/ollama_stream_reader.h"

#include "schema/openai_answer.h"
#include "schema/tool_arguments.h"

namespace rocket {

struct OllamaStreamReader::Said {
  std::string_view line;
  RawText model;
  RawText thinking;
  RawText content;
  JsonValue calls;
  RawText reason;
  bool done = false;
};

Result<void> OllamaStreamReader::read(std::string_view data, StreamSink& sink) {
  if (data.empty() || done_) return {};
  Said said;
  said.line = data;
  bool failed = false;
  const auto read_message = [&](const JsonValue& message) {
    for (const JsonMember& member : json_members(message.text)) {
      if (member.key_is("content")) said.content = raw_text(member.value);
      if (member.key_is("thinking")) said.thinking = raw_text(member.value);
      if (member.key_is("tool_calls")) said.calls = member.value;
    }
  };
  const auto scanned = scan_object(data, JsonLimits{}, [&](const JsonMember& member) {
    if (member.key_is("message")) {
      read_message(member.value);
    } else if (member.key_is("response")) {
      said.content = raw_text(member.value);
    } else if (member.key_is("thinking")) {
      said.thinking = raw_text(member.value);
    } else if (member.key_is("model")) {
      said.model = raw_text(member.value);
    } else if (member.key_is("done")) {
      said.done = member.value.as_bool().value_or(false);
    } else if (member.key_is("done_reason")) {
      said.reason = raw_text(member.value);
    } else if (member.key_is("error")) {
      failed = !member.value.is_null();
    }
  });
  if (!scanned) return fail(ErrorCode::upstream_garbage, "a line of the stream is not JSON");
  if (failed) return fail(ErrorCode::upstream_error_event, read_upstream_error(data));
  return take(said, sink);
}

Result<void> OllamaStreamReader::take(const Said& said, StreamSink& sink) {
  StreamEvent start{.kind = StreamEvent::Kind::start};
  start.name = said.model;
  auto result = block_.start(sink, start);
  if (result) result = block_.add(sink, Part::Kind::thinking, said.thinking);
  if (result) result = block_.add(sink, Part::Kind::text, said.content);
  for (const JsonValue& call : json_elements(said.calls.text)) {
    if (result) result = take_call(call, sink);
  }
  if (!result || !said.done) return result;
  return end(said, sink);
}

Result<void> OllamaStreamReader::take_call(const JsonValue& call, StreamSink& sink) {
  calls_seen_ = true;
  StreamEvent event{.kind = StreamEvent::Kind::block_start, .block = Part::Kind::tool_call};
  std::string arguments;
  for (const JsonMember& member : json_members(call.text)) {
    if (member.key_is("id")) event.id = raw_text(member.value);
    if (!member.key_is("function")) continue;
    for (const JsonMember& one : json_members(member.value.text)) {
      if (one.key_is("name")) event.name = raw_text(one.value);
      if (one.key_is("arguments")) arguments = one.value.text;
    }
  }
  auto result = block_.begin(sink, event);
  const std::string quoted = json_quoted(arguments);
  if (result) {
    result = block_.add(sink, Part::Kind::tool_call,
                        {std::string_view(quoted).substr(1, quoted.size() - 2)});
  }
  if (!result) return result;
  return block_.end(sink);
}

Result<void> OllamaStreamReader::end(const Said& said, StreamSink& sink) {
  // Older servers give no reason.
  auto stop =
      said.reason.empty() ? StopReason::end : read_stop_word(Dialect::ollama, said.reason.inside);
  if (!stop) {
    return fail(ErrorCode::upstream_garbage, "the stream ends for a reason that is not known");
  }
  if (calls_seen_ && stop == StopReason::end) stop = StopReason::tool_use;
  done_ = true;
  auto result = block_.end(sink);
  StreamEvent usage{.kind = StreamEvent::Kind::usage};
  if (read_usage(Dialect::ollama, said.line, usage.usage) && result) result = sink.take(usage);
  if (!result) return result;
  StreamEvent event{.kind = StreamEvent::Kind::stop};
  event.stop = *stop;
  return sink.take(event);
}

}  // namespace rocket
