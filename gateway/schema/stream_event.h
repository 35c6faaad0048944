#pragma once

#include "schema/conversation.h"

namespace rocket {

// A step of a streamed answer, whatever the dialect. They come in this order, which every reader
// keeps to and every writer may rely on (schema/stream_grammar checks it):
//
//   start (block_start (text | citation)* signature? block_end)* usage? stop
//
// Blocks never overlap. `error` may come anywhere and ends the stream, `ping` comes anywhere and
// says nothing. Views are valid while the event is taken.
struct StreamEvent {
  enum class Kind : unsigned char {
    start,        // id, model, and usage as far as it is known
    block_start,  // block; id and name of a tool_call; text of redacted_thinking
    text,         // more of the block: its text, or a piece of a tool_call's arguments
    citation,     // citation: of a block of text; what of it is cited may come before and behind
    signature,    // text: of a block of thinking
    block_end,
    usage,
    stop,   // stop, stop_sequence
    error,  // id: its type, if the upstream said one; text: the message
    ping,
  };
  Kind kind = Kind::ping;
  Part::Kind block = Part::Kind::text;  // text, thinking, redacted_thinking, refusal or tool_call
  RawText id{};
  RawText name{};  // start: the model
  RawText text{};
  const Citation* citation = nullptr;
  StopReason stop = StopReason::end;
  RawText stop_sequence{};
  TokenUsage usage{};
};

// What takes the steps of an answer: a writer, a checker, a test.
class StreamSink {
 public:
  StreamSink() = default;
  StreamSink(const StreamSink&) = delete;
  StreamSink& operator=(const StreamSink&) = delete;
  virtual ~StreamSink() = default;
  // Errors end the stream; they are what a client of this answer has to be told.
  [[nodiscard]] virtual Result<void> take(const StreamEvent& event) = 0;
};

// Reads the events of one dialect's stream.
class StreamReader {
 public:
  StreamReader() = default;
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;
  virtual ~StreamReader() = default;

  // One event: the data of an SSE event, or a line of NDJSON. Nothing may be read after an error.
  // Errors: upstream_garbage; upstream_error_event, or upstream_overloaded if it says that, with
  // the upstream's words; the sink's.
  [[nodiscard]] virtual Result<void> read(std::string_view data, StreamSink& sink) = 0;
  // The stream has ended as it should: `stop` has been given.
  [[nodiscard]] virtual bool done() const = 0;
};

// Writes a stream of one dialect: appends the bytes to `out()`, which its owner empties.
class StreamWriter : public StreamSink {
 public:
  [[nodiscard]] std::string& out() { return out_; }
  // How long after the request it is that what comes next is taken.
  virtual void note_time(Duration) {}
  // How many bytes of the answer it has to keep for what it will write.
  [[nodiscard]] virtual size_t kept_bytes() const { return 0; }
  // The answer in one piece, where the dialect says it in one once a stream has ended well; empty
  // before, and elsewhere.
  [[nodiscard]] virtual std::string_view whole() const { return {}; }

 private:
  std::string out_;
};

}  // namespace rocket
