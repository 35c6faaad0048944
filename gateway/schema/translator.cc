#include "schema/translator.h"

#include <utility>

#include "schema/anthropic_reader.h"
#include "schema/anthropic_stream_reader.h"
#include "schema/anthropic_stream_writer.h"
#include "schema/anthropic_writer.h"
#include "schema/chat_reader.h"
#include "schema/chat_stream_reader.h"
#include "schema/chat_stream_writer.h"
#include "schema/chat_writer.h"
#include "schema/ollama_reader.h"
#include "schema/ollama_stream_reader.h"
#include "schema/ollama_stream_writer.h"
#include "schema/ollama_writer.h"
#include "schema/responses_reader.h"
#include "schema/responses_stream_reader.h"
#include "schema/responses_stream_writer.h"
#include "schema/responses_writer.h"
#include "wire/json_halves.h"

namespace rocket {

Result<Conversation> read_request(Dialect dialect, std::string_view body, TranslationLoss& loss) {
  switch (dialect) {
    case Dialect::chat: return read_chat_request(body, loss);
    case Dialect::responses: return read_responses_request(body, loss);
    case Dialect::anthropic: return read_anthropic_request(body);
    default: return read_ollama_request(dialect, body, loss);
  }
}

JsonPieces write_request(Dialect dialect, const Conversation& conversation,
                         const RequestFrame& frame, TranslationLoss& loss) {
  switch (dialect) {
    case Dialect::chat: return write_chat_request(conversation, frame, loss);
    case Dialect::responses: return write_responses_request(conversation, frame, loss);
    case Dialect::anthropic: return write_anthropic_request(conversation, frame, loss);
    default: return write_ollama_request(conversation, frame, loss);
  }
}

Result<Answer> read_answer(Dialect dialect, std::string_view text, TranslationLoss& loss) {
  switch (dialect) {
    case Dialect::chat: return read_chat_answer(text, loss);
    case Dialect::responses: return read_responses_answer(text);
    case Dialect::anthropic: return read_anthropic_answer(text);
    default: return read_ollama_answer(text);
  }
}

JsonPieces write_answer(Dialect dialect, const Answer& answer, const AnswerFrame& frame,
                        TranslationLoss& loss) {
  switch (dialect) {
    case Dialect::chat: return write_chat_answer(answer, frame, loss);
    case Dialect::responses: return write_responses_answer(answer, frame, loss);
    case Dialect::anthropic: return write_anthropic_answer(answer, frame, loss);
    default: return write_ollama_answer(dialect, answer, frame, loss);
  }
}

std::unique_ptr<StreamReader> make_stream_reader(Dialect dialect) {
  switch (dialect) {
    case Dialect::chat: return std::make_unique<ChatStreamReader>();
    case Dialect::responses: return std::make_unique<ResponsesStreamReader>();
    case Dialect::anthropic: return std::make_unique<AnthropicStreamReader>();
    default: return std::make_unique<OllamaStreamReader>();
  }
}

std::unique_ptr<StreamWriter> make_stream_writer(Dialect dialect, const AnswerFrame& frame,
                                                 bool usage_asked) {
  switch (dialect) {
    case Dialect::chat: return std::make_unique<ChatStreamWriter>(frame, usage_asked);
    case Dialect::responses: return std::make_unique<ResponsesStreamWriter>(frame);
    case Dialect::anthropic: return std::make_unique<AnthropicStreamWriter>(frame);
    default: return std::make_unique<OllamaStreamWriter>(dialect, frame);
  }
}

StreamTranslator::StreamTranslator(Dialect from, std::unique_ptr<StreamWriter> writer,
                                   size_t event_bytes_max)
    : from_(from),
      reader_(make_stream_reader(from)),
      writer_(std::move(writer)),
      order_(*writer_),
      watch_(&order_),
      sse_(event_bytes_max),
      ndjson_(event_bytes_max),
      split_characters_(from) {}

Result<void> StreamTranslator::feed(std::string_view bytes) {
  out_.clear();
  Result<void> result;
  const auto take = [&](std::string_view data) {
    if (!result) return;
    ++events_;
    result = read(data);
  };
  const auto fed = is_ollama(from_)
                       ? ndjson_.feed(bytes, take)
                       : sse_.feed(bytes, [&](const SseEvent& event) { take(event.data); });
  (void)written();
  return result ? fed : result;
}

// Whoever reads an event with half a character has found that it is no JSON, and done nothing else.
Result<void> StreamTranslator::read(std::string_view data) {
  if (split_characters_.waiting()) return read_mended(data);
  auto result = reader_->read(data, watch_);
  if (result || lone_halves(data).empty()) return result;
  return read_mended(data);
}

Result<void> StreamTranslator::read_mended(std::string_view data) {
  for (const std::string& text : split_characters_.mend(data)) {
    auto result = reader_->read(text, watch_);
    if (!result) return result;
  }
  return {};
}

std::string_view StreamTranslator::write_error(std::string_view type, std::string_view message) {
  const std::string quoted_type = json_quoted(type);
  const std::string quoted = json_quoted(message);
  StreamEvent event{.kind = StreamEvent::Kind::error};
  event.id = {std::string_view(quoted_type).substr(1, quoted_type.size() - 2)};
  event.text = {std::string_view(quoted).substr(1, quoted.size() - 2)};
  out_.clear();
  (void)writer_->take(event);
  return written();
}

std::string_view StreamTranslator::write_ping() {
  out_.clear();
  (void)writer_->take({.kind = StreamEvent::Kind::ping});
  return written();
}

// Two buffers take turns, so that neither is allocated again.
std::string_view StreamTranslator::written() {
  std::swap(out_, writer_->out());
  writer_->out().clear();
  return out_;
}

}  // namespace rocket
