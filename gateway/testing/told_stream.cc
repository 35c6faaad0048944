#include "testing/told_stream.h"

#include "schema/stream_grammar.h"

namespace rocket {
namespace {

std::string_view word_of(Part::Kind kind) {
  switch (kind) {
    case Part::Kind::text: return "text";
    case Part::Kind::thinking: return "thinking";
    case Part::Kind::redacted_thinking: return "sealed";
    case Part::Kind::refusal: return "refusal";
    case Part::Kind::tool_call: return "call";
    default: return "?";
  }
}

}  // namespace

Result<void> ToldStream::take(const StreamEvent& event) {
  using Kind = StreamEvent::Kind;
  switch (event.kind) {
    case Kind::start: told_ += "start " + event.name.decoded() + "\n"; break;
    case Kind::block_start:
      told_ += word_of(event.block);
      if (!event.id.empty()) told_ += " " + event.id.decoded();
      if (!event.name.empty()) told_ += " " + event.name.decoded();
      told_ += ": " + event.text.decoded();
      break;
    case Kind::text: told_ += event.text.decoded(); break;
    case Kind::citation:
      told_ += " cites " + event.citation->source.decoded() + event.citation->file.decoded() +
               " \"" + event.citation->title.decoded() + "\"";
      break;
    case Kind::signature: told_ += " signed " + event.text.decoded(); break;
    case Kind::block_end: told_ += "\n"; break;
    case Kind::usage:
      told_ += "usage " + std::to_string(event.usage.input) + " " +
               std::to_string(event.usage.output) + "\n";
      break;
    case Kind::stop:
      told_ += "stop ";
      told_ += stop_word(Dialect::anthropic, event.stop);
      if (!event.stop_sequence.empty()) told_ += " " + event.stop_sequence.decoded();
      told_ += "\n";
      break;
    case Kind::error: told_ += "error " + event.text.decoded() + "\n"; break;
    case Kind::ping: break;
  }
  return {};
}

std::string told_by(StreamReader& reader, std::span<const std::string_view> events) {
  ToldStream stream;
  EventOrder order(stream);
  for (const std::string_view event : events) {
    const auto read = reader.read(event, order);
    if (!read) return stream.told() + "failed " + std::string(to_string(read.error().code)) + "\n";
  }
  return stream.told();
}

}  // namespace rocket
