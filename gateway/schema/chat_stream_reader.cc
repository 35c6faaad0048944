#include "schema/chat_stream_reader.h"

#include <algorithm>
#include <limits>

#include "schema/chat_reader.h"
#include "schema/citations.h"
#include "schema/openai_answer.h"

namespace rocket {
namespace {

// None: no place that anything has; then calls are told apart by their ids, as where none is said.
std::optional<std::int64_t> place_of_call(const JsonValue& value) {
  constexpr std::int64_t place_max = std::numeric_limits<std::int32_t>::max();
  const auto place = value.as_int();
  return place && *place >= 0 && *place <= place_max ? place : std::nullopt;
}

}  // namespace

struct ChatStreamReader::Said {
  RawText id;
  RawText model;
  RawText thinking;
  RawText content;
  RawText refusal;
  std::vector<Citation> citations;
  std::vector<Piece> calls;
  RawText finish;
  RawText stop;
  std::optional<TokenUsage> usage;
  bool other_choices = false;
  KeptTexts kept;

  void read_choice(const JsonValue& choice) {
    JsonValue delta;
    for (const JsonMember& member : json_members(choice.text)) {
      if (member.key_is("index") && member.value.as_int().value_or(0) != 0) {
        other_choices = true;
        return;
      }
      if (member.key_is("delta")) delta = member.value;
      if (member.key_is("finish_reason")) finish = raw_text(member.value);
      if (names_stop(member)) stop = raw_text(member.value);
    }
    read_delta(delta);
  }

  void read_delta(const JsonValue& delta) {
    JsonValue legacy_call;
    for (const JsonMember& member : json_members(delta.text)) {
      if (member.key_is("content")) {
        read_content(member.value);
      } else if (member.key_is("reasoning_content") || member.key_is("reasoning")) {
        if (thinking.empty()) thinking = raw_text(member.value);
      } else if (member.key_is("refusal")) {
        refusal = raw_text(member.value);
      } else if (member.key_is("annotations")) {
        read_annotations(member.value);
      } else if (member.key_is("tool_calls")) {
        for (const JsonValue& call : json_elements(member.value.text))
          calls.push_back(read_piece(call));
      } else if (member.key_is("function_call")) {
        legacy_call = member.value;
      }
    }
    // Some servers say the same in both ways.
    if (calls.empty() && legacy_call.kind == JsonKind::object) {
      calls.emplace_back();
      read_function(legacy_call, calls.back());
    }
  }

  void read_annotations(const JsonValue& list) {
    if (list.kind != JsonKind::array) return;
    for (const JsonValue& one : json_elements(list.text)) {
      const auto citation = read_citation(Dialect::chat, one);
      if (citation && citation->kind != Citation::Kind::foreign) citations.push_back(*citation);
    }
  }

  // A string by OpenAI's description, a list of parts by Mistral's.
  void read_content(const JsonValue& value) {
    content = raw_text(value);
    if (value.kind != JsonKind::array) return;
    content = {kept.keep(texts_of(value))};
    for (const JsonValue& part : json_elements(value.text)) {
      const auto thought = json_find(part.text, "thinking");
      if (thought && thinking.empty()) thinking = {kept.keep(texts_of(*thought))};
    }
  }

  // As it stands between the quotes, one behind the other.
  static std::string texts_of(const JsonValue& parts) {
    std::string texts;
    if (parts.kind != JsonKind::array) return texts;
    for (const JsonValue& part : json_elements(parts.text)) {
      if (const auto text = json_find(part.text, "text")) texts += text->raw_string();
    }
    return texts;
  }

  Piece read_piece(const JsonValue& value) {
    Piece piece;
    for (const JsonMember& member : json_members(value.text)) {
      if (member.key_is("index")) piece.index = place_of_call(member.value);
      if (member.key_is("id")) piece.id = raw_text(member.value);
      if (member.key_is("function")) read_function(member.value, piece);
    }
    return piece;
  }

  void read_function(const JsonValue& value, Piece& piece) {
    for (const JsonMember& one : json_members(value.text)) {
      if (one.key_is("name")) piece.name = raw_text(one.value);
      if (one.key_is("arguments")) piece.arguments = read_arguments(one.value);
    }
  }

  // A string by OpenAI's description, an object by some servers'.
  RawText read_arguments(const JsonValue& value) {
    if (value.kind != JsonKind::object) return raw_text(value);
    const std::string_view quoted = kept.keep(json_quoted(value.text));
    return {quoted.substr(1, quoted.size() - 2)};
  }

  // Where the only thing stands in the event that was said, if it is a text.
  [[nodiscard]] RawText only_text() const {
    if (kept.memory() != 0 || !citations.empty()) return {};
    if (!calls.empty() || !finish.empty() || usage || other_choices || !refusal.empty()) return {};
    if (!content.empty() && !thinking.empty()) return {};
    return content.empty() ? thinking : content;
  }
};

bool ChatStreamReader::Call::is_of(const Piece& piece) const {
  if (piece.index && *piece.index != index) return false;
  // Some servers number all their calls 0.
  return piece.id.empty() || piece.name.empty() || piece.id.inside == id;
}

bool ChatStreamReader::Call::is_whole() const {
  ToolArguments all;
  std::string passed;
  return all.feed(RawText{arguments}.decoded(), passed) && all.whole();
}

Result<void> ChatStreamReader::read_event(std::string_view data, StreamSink& sink) {
  if (data.empty() || done_) return {};
  if (data == "[DONE]") return end(sink);
  Said said;
  bool failed = false;
  const auto scanned = scan_object(data, JsonLimits{}, [&](const JsonMember& member) {
    if (member.key_is("choices")) {
      for (const JsonValue& choice : json_elements(member.value.text))
        said.read_choice(choice);
    } else if (member.key_is("id")) {
      said.id = raw_text(member.value);
    } else if (member.key_is("model")) {
      said.model = raw_text(member.value);
    } else if (member.key_is("usage")) {
      TokenUsage usage;
      if (read_usage(Dialect::chat, member.value.text, usage)) said.usage = usage;
    } else if (member.key_is("error")) {
      failed = !member.value.is_null();
    }
  });
  if (!scanned) return fail(ErrorCode::upstream_garbage, "an event of the stream is not JSON");
  if (failed) return fail(ErrorCode::upstream_error_event, read_upstream_error(data));
  const auto taken = take(said, sink);
  const RawText text = said.only_text();
  if (taken && !text.empty() && block_.open()) pattern_.remember(data, text.inside);
  return taken;
}

Result<void> ChatStreamReader::take(const Said& said, StreamSink& sink) {
  // Some servers put a usage of zeros on every event and the true one on the last.
  if (said.usage && (said.usage->output != 0 || !usage_)) usage_ = said.usage;
  if (stop_) return {};
  StreamEvent start{.kind = StreamEvent::Kind::start};
  start.id = said.id;
  start.name = said.model;
  auto result = block_.start(sink, start);
  if (result) result = block_.add(sink, Part::Kind::thinking, said.thinking);
  if (!said.content.empty() && !block_.is(Part::Kind::text)) ++texts_;
  if (result) result = block_.add(sink, Part::Kind::text, said.content);
  for (const Citation& citation : said.citations) {
    if (result) result = take_citation(citation, sink);
  }
  if (result) result = block_.add(sink, Part::Kind::refusal, said.refusal);
  for (const Piece& piece : said.calls) {
    if (result) result = take_call(piece, sink);
  }
  if (!result || said.finish.empty()) return result;
  stop_sequence_ = said.stop.inside;
  stop_ = read_stop_word(Dialect::chat, said.finish.inside);
  if (!stop_) {
    return fail(ErrorCode::upstream_garbage, "the stream ends for a reason that is not known");
  }
  return finish(sink);
}

// Its place is counted through all texts of the message, of which those before have gone.
Result<void> ChatStreamReader::take_citation(Citation citation, StreamSink& sink) {
  if (texts_ > 1) citation.span.reset();
  if (block_.is(Part::Kind::thinking)) {
    const auto ended = block_.end(sink);
    if (!ended) return ended;
  }
  return block_.cite(sink, citation);
}

Result<void> ChatStreamReader::take_call(const Piece& piece, StreamSink& sink) {
  const bool open = block_.is(Part::Kind::tool_call);
  // Some servers give their calls neither numbers nor ids, but each whole: behind one that is, what
  // has a name is another.
  const bool named = !piece.name.empty() && !piece.arguments.empty() && piece.id.empty();
  if (open && call_.is_of(piece) && !(named && tracked_.whole())) {
    return add_arguments(piece.arguments, sink);
  }
  const auto waits = std::ranges::find_if(
      waiting_, [&](const Call& call) { return call.is_of(piece) && !(named && call.is_whole()); });
  waiting_bytes_ += piece.arguments.inside.size() + piece.name.inside.size() + sizeof(Call);
  if (waiting_bytes_ > waiting_bytes_max) {
    return fail(ErrorCode::upstream_too_large, "calls of tools that wait for others are too large");
  }
  if (waits != waiting_.end()) {
    waits->arguments += piece.arguments.inside;
    return {};
  }
  if (piece.name.empty()) {
    return fail(ErrorCode::upstream_garbage, "a piece of a tool's call belongs to none");
  }
  calls_seen_ = true;
  Call call{piece.index.value_or(call_.index + 1), std::string(piece.id.inside),
            std::string(piece.name.inside), std::string(piece.arguments.inside)};
  if (open && (!waiting_.empty() || !tracked_.whole())) {
    waiting_.push_back(std::move(call));
    return {};
  }
  waiting_bytes_ = 0;
  return begin_call(std::move(call), sink);
}

Result<void> ChatStreamReader::begin_call(Call call, StreamSink& sink) {
  call_ = std::move(call);
  tracked_ = ToolArguments();
  StreamEvent event{.kind = StreamEvent::Kind::block_start, .block = Part::Kind::tool_call};
  event.id = {call_.id};
  event.name = {call_.name};
  const auto begun = block_.begin(sink, event);
  if (!begun) return begun;
  const std::string arguments = std::move(call_.arguments);
  return add_arguments({arguments}, sink);
}

Result<void> ChatStreamReader::add_arguments(RawText arguments, StreamSink& sink) {
  if (arguments.empty()) return {};
  std::string passed;
  // What is wrong with them is for the writer to see to, if its dialect minds.
  (void)tracked_.feed(arguments.decoded(), passed);
  return block_.add(sink, Part::Kind::tool_call, arguments);
}

// Nothing more will be said.
Result<void> ChatStreamReader::finish(StreamSink& sink) {
  for (Call& call : std::exchange(waiting_, {})) {
    const auto begun = begin_call(std::move(call), sink);
    if (!begun) return begun;
  }
  if (calls_seen_ && stop_ == StopReason::end) stop_ = StopReason::tool_use;
  // Nobody can be waited for.
  if (!calls_seen_ && stop_ == StopReason::tool_use) stop_ = StopReason::end;
  return block_.end(sink);
}

Result<void> ChatStreamReader::end(StreamSink& sink) {
  if (!stop_) {
    return fail(ErrorCode::upstream_garbage, "the stream ends without saying why");
  }
  done_ = true;
  if (usage_) {
    StreamEvent event{.kind = StreamEvent::Kind::usage};
    event.usage = *usage_;
    const auto taken = sink.take(event);
    if (!taken) return taken;
  }
  StreamEvent event{.kind = StreamEvent::Kind::stop};
  const bool stopped = *stop_ == StopReason::end && !stop_sequence_.empty();
  event.stop = stopped ? StopReason::stop_sequence : *stop_;
  if (stopped) event.stop_sequence = {stop_sequence_};
  return sink.take(event);
}

}  // namespace rocket
