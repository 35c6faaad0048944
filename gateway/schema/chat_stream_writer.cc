#include "schema/chat_stream_writer.h"

#include <fmt/format.h>

#include "schema/citations.h"
#include "schema/legacy_functions.h"
#include "schema/raw_characters.h"

namespace rocket {

ChatStreamWriter::ChatStreamWriter(const AnswerFrame& frame, bool usage_asked)
    : id_(frame.id),
      model_(json_quoted(frame.model)),
      created_(frame.created),
      usage_asked_(usage_asked),
      legacy_functions_(frame.legacy_functions) {}

Result<void> ChatStreamWriter::take(const StreamEvent& event) {
  using Kind = StreamEvent::Kind;
  switch (event.kind) {
    case Kind::text: write_text(event); break;
    case Kind::citation:
      if (can_tell_citation(Dialect::chat, *event.citation)) return citations_.add(*event.citation);
      break;
    case Kind::start: begin(event.name); break;
    case Kind::block_start: begin_block(event); break;
    case Kind::block_end: end_block(event); break;
    case Kind::signature: break;
    case Kind::usage: usage_ = event.usage; break;
    case Kind::stop: end(event.stop); break;
    case Kind::error:
      out() += R"(data: {"error":{"message":")";
      out() += event.text.inside;
      out() += R"(","type":")";
      out() += event.id.empty() ? "api_error" : event.id.inside;
      out() += "\",\"param\":null,\"code\":null}}\n\n";
      break;
    case Kind::ping: out() += ": ping\n\n";
  }
  return {};
}

void ChatStreamWriter::begin(RawText model) {
  if (!model.empty()) model_ = '"' + std::string(model.inside) + '"';
  head_ = R"(data: {"id":"chatcmpl-)" + id_ + R"(","object":"chat.completion.chunk","created":)" +
          std::to_string(created_) + R"(,"model":)" + model_ +
          R"(,"choices":[{"index":0,"delta":{)";
  tail_ = R"(},"finish_reason":null}])";
  tail_ += usage_asked_ ? ",\"usage\":null}\n\n" : "}\n\n";
  out() += head_;
  out() += R"("role":"assistant","content":"")";
  out() += tail_;
}

void ChatStreamWriter::write_text(const StreamEvent& event) {
  if (event.block == Part::Kind::tool_call) {
    write_arguments(event.text);
    return;
  }
  std::string& to = out();
  to += head_;
  switch (event.block) {
    case Part::Kind::thinking: to += R"("reasoning_content":")"; break;
    case Part::Kind::refusal: to += R"("refusal":")"; break;
    default: to += R"("content":")"; text_.end += count_characters(event.text.inside);
  }
  to += event.text.inside;
  to += '"';
  to += tail_;
}

void ChatStreamWriter::write_arguments(RawText text) {
  arguments_begun_ |= !text.empty();
  if (legacy_functions_ && calls_ > 1) return;
  std::string& to = out();
  to += head_;
  if (legacy_functions_) {
    to += R"("function_call":{"arguments":")";
    to += text.inside;
    to += "\"}";
  } else {
    to += R"("tool_calls":[{"index":)";
    to += std::to_string(calls_ - 1);
    to += R"(,"function":{"arguments":")";
    to += text.inside;
    to += "\"}}]";
  }
  to += tail_;
}

// Clients parse what they have been sent of a call's arguments.
void ChatStreamWriter::end_block(const StreamEvent& event) {
  if (event.block == Part::Kind::text) write_citations();
  if (event.block != Part::Kind::tool_call || arguments_begun_) return;
  write_arguments({"{}"});
}

void ChatStreamWriter::write_citations() {
  const TextSpan text{std::exchange(text_.begin, text_.end), text_.end};
  if (citations_.empty()) return;
  JsonPieces list;
  for (size_t i = 0; i < citations_.size(); ++i)
    write_annotation(Dialect::chat, citations_[i], text, list);
  out() += head_;
  out() += R"("annotations":[)";
  out() += list.joined();
  out() += ']';
  out() += tail_;
  citations_.clear();
}

void ChatStreamWriter::begin_block(const StreamEvent& event) {
  if (event.block != Part::Kind::tool_call) return;
  arguments_begun_ = false;
  std::string& to = out();
  if (legacy_functions_) {
    if (calls_++ > 0) return;
    to += head_;
    to += R"("function_call":{"name":")";
    to += event.name.inside;
    to += R"(","arguments":""})";
    to += tail_;
    return;
  }
  to += head_;
  to += R"("tool_calls":[{"index":)";
  to += std::to_string(calls_);
  to += R"(,"id":")";
  if (event.id.empty()) {
    to += "call_" + id_ + "_" + std::to_string(calls_);
  } else {
    to += event.id.inside;
  }
  to += R"(","type":"function","function":{"name":")";
  to += event.name.inside;
  to += R"(","arguments":""}}])";
  to += tail_;
  ++calls_;
}

void ChatStreamWriter::end(StopReason stop) {
  std::string& to = out();
  to += head_;
  to += R"(},"finish_reason":")";
  to += legacy_functions_ ? legacy_stop_word(stop) : stop_word(Dialect::chat, stop);
  to += usage_asked_ ? "\"}],\"usage\":null}\n\n" : "\"}]}\n\n";
  if (usage_asked_) {
    constexpr std::string_view choice = R"({"index":0,"delta":{)";
    to += std::string_view(head_).substr(0, head_.size() - choice.size());
    to += R"(],"usage":)";
    write_usage(Dialect::chat, usage_, to);
    to += "}\n\n";
  }
  to += "data: [DONE]\n\n";
}

}  // namespace rocket
