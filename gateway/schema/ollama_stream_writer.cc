#include "schema/ollama_stream_writer.h"

#include "schema/ollama_writer.h"

namespace rocket {

OllamaStreamWriter::OllamaStreamWriter(Dialect dialect, const AnswerFrame& frame)
    : dialect_(dialect),
      id_(frame.id),
      model_(json_quoted(frame.model)),
      created_at_(json_quoted(frame.created_at)) {
  begin({});
}

Result<void> OllamaStreamWriter::take(const StreamEvent& event) {
  using Kind = StreamEvent::Kind;
  switch (event.kind) {
    case Kind::text:
      if (first_token_ == Duration::zero()) first_token_ = now_;
      if (event.block == Part::Kind::tool_call) return add_arguments(event.text);
      write_text(event);
      break;
    case Kind::start:
      if (!event.name.empty()) begin(event.name);
      break;
    case Kind::block_start:
      if (event.block != Part::Kind::tool_call) break;
      call_id_ = event.id.empty() ? "call_" + id_ + "_" + std::to_string(calls_)
                                  : std::string(event.id.inside);
      call_name_ = event.name.inside;
      break;
    case Kind::block_end:
      if (event.block == Part::Kind::tool_call) write_call();
      break;
    case Kind::usage: usage_ = event.usage; break;
    case Kind::stop: end(event); break;
    case Kind::error:
      out() += R"({"error":")";
      out() += event.text.inside;
      out() += "\"}\n";
      break;
    case Kind::citation:
    case Kind::signature:
    case Kind::ping: break;
  }
  return {};
}

void OllamaStreamWriter::begin(RawText model) {
  if (!model.empty()) model_ = '"' + std::string(model.inside) + '"';
  head_ = R"({"model":)" + model_ + R"(,"created_at":)" + created_at_;
  head_ += dialect_ == Dialect::generate ? R"(,"response":")"
                                         : R"(,"message":{"role":"assistant","content":")";
}

void OllamaStreamWriter::write_text(const StreamEvent& event) {
  std::string& to = out();
  const bool thinking = event.block == Part::Kind::thinking;
  to += head_;
  if (thinking) to += R"(","thinking":")";
  to += event.text.inside;
  to += dialect_ == Dialect::generate ? "\",\"done\":false}\n" : "\"},\"done\":false}\n";
}

Result<void> OllamaStreamWriter::add_arguments(RawText piece) {
  if (arguments_.size() + piece.inside.size() > arguments_max) {
    return fail(ErrorCode::upstream_too_large, "the arguments of a tool's call are too long");
  }
  return mended_.feed(piece.decoded(), arguments_);
}

void OllamaStreamWriter::write_call() {
  mended_.finish(arguments_);
  mended_ = ToolArguments();
  if (dialect_ != Dialect::generate) {
    std::string& to = out();
    to += head_;
    to += R"(","tool_calls":[{"id":")";
    to += call_id_;
    to += R"(","function":{"index":)";
    to += std::to_string(calls_);
    to += R"(,"name":")";
    to += call_name_;
    to += R"(","arguments":)";
    to += arguments_;
    to += "}}]},\"done\":false}\n";
  }
  arguments_.clear();
  ++calls_;
}

void OllamaStreamWriter::end(const StreamEvent& event) {
  std::string& to = out();
  to += head_;
  to += dialect_ == Dialect::generate ? R"(","done":true,"done_reason":")"
                                      : R"("},"done":true,"done_reason":")";
  to += stop_word(dialect_, event.stop);
  to += "\",";
  append_durations(now_, first_token_, to);
  write_usage(dialect_, usage_, to);
  to += "}\n";
}

}  // namespace rocket
