#pragma once

#include <cstdint>
#include <memory>

#include "schema/json_pieces.h"
#include "schema/split_characters.h"
#include "schema/stream_event.h"
#include "schema/stream_grammar.h"
#include "schema/stream_watch.h"
#include "schema/translation_loss.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

// From any dialect into any other, by way of a Conversation, an Answer or StreamEvents.
namespace rocket {

// Errors: those of the dialect's reader.
[[nodiscard]] Result<Conversation> read_request(Dialect dialect, std::string_view body,
                                                TranslationLoss& loss);
// Of /api/generate nothing is written: what it can say, /api/chat can.
[[nodiscard]] JsonPieces write_request(Dialect dialect, const Conversation& conversation,
                                       const RequestFrame& frame, TranslationLoss& loss);

[[nodiscard]] Result<Answer> read_answer(Dialect dialect, std::string_view text,
                                         TranslationLoss& loss);
[[nodiscard]] JsonPieces write_answer(Dialect dialect, const Answer& answer,
                                      const AnswerFrame& frame, TranslationLoss& loss);

[[nodiscard]] std::unique_ptr<StreamReader> make_stream_reader(Dialect dialect);
// `usage_asked`: the client wants to see it, where its dialect leaves it the choice.
[[nodiscard]] std::unique_ptr<StreamWriter> make_stream_writer(Dialect dialect,
                                                               const AnswerFrame& frame,
                                                               bool usage_asked);

// Turns a stream of one dialect into one of another, however its bytes are split.
class StreamTranslator {
 public:
  StreamTranslator(Dialect from, std::unique_ptr<StreamWriter> writer, size_t event_bytes_max);

  // What the client is sent for `bytes`; valid until the next call. Also after an error, what
  // came before it. Errors: those of the reader, the writer and the splitter; the stream is over
  // then but for write_error().
  [[nodiscard]] Result<void> feed(std::string_view bytes);
  // How long after the request it is that what is fed next has come.
  void note_time(Duration since_request) { writer_->note_time(since_request); }
  [[nodiscard]] std::string_view out() const { return out_; }
  // What ends the stream where it is, in the client's dialect.
  [[nodiscard]] std::string_view write_error(std::string_view type, std::string_view message);
  // A sign of life, in dialects that have one.
  [[nodiscard]] std::string_view write_ping();

  // The stream has ended as it should.
  [[nodiscard]] bool done() const { return reader_->done(); }
  // What StreamWriter::whole() says.
  [[nodiscard]] std::string_view whole() const { return writer_->whole(); }
  [[nodiscard]] const StreamWatch& seen() const { return watch_; }
  [[nodiscard]] size_t kept_bytes() const {
    return writer_->kept_bytes() + split_characters_.kept_bytes();
  }
  // How many events, or lines, have been read.
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  [[nodiscard]] Result<void> read(std::string_view data);
  [[nodiscard]] Result<void> read_mended(std::string_view data);
  [[nodiscard]] std::string_view written();

  Dialect from_;
  std::unique_ptr<StreamReader> reader_;
  std::unique_ptr<StreamWriter> writer_;
  EventOrder order_;
  StreamWatch watch_;
  SseSplitter sse_;
  NdjsonSplitter ndjson_;
  SplitCharacters split_characters_;
  std::string out_;
  std::uint64_t events_ = 0;
};

}  // namespace rocket
