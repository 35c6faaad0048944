#include "schema/anthropic_stream_writer.h"

#include "schema/anthropic_ids.h"
#include "schema/citations.h"

namespace rocket {
namespace {

// How the deltas of a block begin, up to the inside of their text.
std::string delta_head(size_t index, std::string_view type, std::string_view member) {
  std::string head =
      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":";
  head += std::to_string(index);
  head += R"(,"delta":{"type":")";
  head += type;
  head += R"(",")";
  head += member;
  head += "\":\"";
  return head;
}

}  // namespace

AnthropicStreamWriter::AnthropicStreamWriter(const AnswerFrame& frame)
    : id_(frame.id), model_(json_quoted(frame.model)) {}

Result<void> AnthropicStreamWriter::take(const StreamEvent& event) {
  using Kind = StreamEvent::Kind;
  switch (event.kind) {
    case Kind::text:
      if (event.block == Part::Kind::tool_call) return add_arguments(event.text);
      out() += head_;
      out() += event.text.inside;
      out() += "\"}}\n\n";
      break;
    case Kind::citation: write_citation(*event.citation); break;
    case Kind::start: begin(event); break;
    case Kind::block_start: begin_block(event); break;
    case Kind::signature:
      out() += delta_head(index_, "signature_delta", "signature");
      out() += event.text.inside;
      out() += "\"}}\n\n";
      break;
    case Kind::block_end: end_block(); break;
    case Kind::usage: usage_ = event.usage; break;
    case Kind::stop: end(event); break;
    case Kind::error:
      out() += "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"";
      out() += event.id.empty() ? "api_error" : event.id.inside;
      out() += R"(","message":")";
      out() += event.text.inside;
      out() += "\"}}\n\n";
      break;
    case Kind::ping: out() += "event: ping\ndata: {\"type\":\"ping\"}\n\n";
  }
  return {};
}

void AnthropicStreamWriter::begin(const StreamEvent& event) {
  if (!event.name.empty()) model_ = '"' + std::string(event.name.inside) + '"';
  std::string& to = out();
  to += "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_";
  to += id_;
  to += R"(","type":"message","role":"assistant","model":)";
  to += model_;
  to += R"(,"content":[],"stop_reason":null,"stop_sequence":null,"usage":)";
  write_usage(Dialect::anthropic, event.usage, to);
  to += "}}\n\n";
  usage_ = event.usage;
}

void AnthropicStreamWriter::begin_block(const StreamEvent& event) {
  std::string& to = out();
  to += "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":";
  to += std::to_string(index_);
  to += R"(,"content_block":{"type":")";
  switch (event.block) {
    case Part::Kind::thinking:
      to += R"(thinking","thinking":"","signature":"")";
      head_ = delta_head(index_, "thinking_delta", "thinking");
      break;
    case Part::Kind::redacted_thinking:
      to += R"(redacted_thinking","data":")";
      to += event.text.inside;
      to += '"';
      break;
    case Part::Kind::tool_call:
      to += R"(tool_use","id":)";
      to += json_quoted(event.id.empty() ? "toolu_" + id_ + "_" + std::to_string(index_)
                                         : anthropic_id(event.id));
      to += R"(,"name":")";
      to += event.name.inside;
      to += R"(","input":{})";
      head_ = delta_head(index_, "input_json_delta", "partial_json");
      arguments_ = ToolArguments();
      break;
    default: to += R"(text","text":"")"; head_ = delta_head(index_, "text_delta", "text");
  }
  to += "}}\n\n";
  in_call_ = event.block == Part::Kind::tool_call;
  refused_ |= event.block == Part::Kind::refusal;
}

// What it stands behind has gone out by now, and is not kept to be quoted.
void AnthropicStreamWriter::write_citation(const Citation& citation) {
  if (!can_tell_citation(Dialect::anthropic, citation)) return;
  Citation told = citation;
  told.json = {};
  JsonPieces written;
  write_anthropic_citation(told, citation.quote, written);
  out() += "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":";
  out() += std::to_string(index_);
  out() += R"(,"delta":{"type":"citations_delta","citation":)";
  out() += written.joined();
  out() += "}}\n\n";
}

Result<void> AnthropicStreamWriter::add_arguments(RawText piece) {
  std::string passed;
  const auto fed = arguments_.feed(piece.decoded(), passed);
  if (fed) write_arguments(passed);
  return fed;
}

void AnthropicStreamWriter::write_arguments(std::string_view piece) {
  if (piece.empty()) return;
  std::string& to = out();
  to += head_;
  const size_t quote = to.size();
  json_append_quoted(to, piece);
  to.erase(quote, 1);
  to += "}}\n\n";
}

void AnthropicStreamWriter::end_block() {
  if (in_call_) {
    std::string rest;
    arguments_.finish(rest);
    write_arguments(rest);
  }
  in_call_ = false;
  out() += "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":";
  out() += std::to_string(index_);
  out() += "}\n\n";
  ++index_;
}

void AnthropicStreamWriter::end(const StreamEvent& event) {
  std::string& to = out();
  to += "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"";
  // OpenAI's models refuse in a text of its own kind, and end as usual.
  const bool refused = event.stop == StopReason::end && refused_;
  to += stop_word(Dialect::anthropic, refused ? StopReason::content_filter : event.stop);
  to += R"(","stop_sequence":)";
  if (event.stop_sequence.empty()) {
    to += "null";
  } else {
    to += '"';
    to += event.stop_sequence.inside;
    to += '"';
  }
  to += R"(},"usage":)";
  write_usage(Dialect::anthropic, usage_, to);
  to += "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}

}  // namespace rocket
