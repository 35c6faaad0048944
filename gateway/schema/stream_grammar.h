#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/stream_event.h"

namespace rocket {

// Passes the steps of an answer on as long as they are in the order that schema/stream_event.h
// promises; `internal` for one that is not, which a reader of ours has then got wrong.
class EventOrder final : public StreamSink {
 public:
  explicit EventOrder(StreamSink& next) : next_(next) {}
  [[nodiscard]] Result<void> take(const StreamEvent& event) override;

 private:
  enum class State : unsigned char { before, between, inside, counted, over };
  [[nodiscard]] bool step(const StreamEvent& event);

  StreamSink& next_;
  State state_ = State::before;
  Part::Kind block_ = Part::Kind::text;
};

// Whether a stream is one that its dialect allows, event by event: what the clients of that
// dialect may rely on. Strict about what Rocket writes; what others write may be looser.
class StreamGrammar {
 public:
  explicit StreamGrammar(Dialect dialect) : dialect_(dialect) {}

  // The data of an SSE event, or a line. What is wrong with it; empty: nothing.
  [[nodiscard]] std::string check(std::string_view data);
  // The stream has ended here.
  [[nodiscard]] std::string check_end() const;

 private:
  enum class State : unsigned char { before, between, inside, ending, over, failed };

  [[nodiscard]] std::string check_chat(std::string_view data);
  [[nodiscard]] std::string check_chat_delta(std::string_view delta);
  [[nodiscard]] std::string check_chat_annotations(std::string_view delta) const;
  [[nodiscard]] std::string check_anthropic(std::string_view data);
  [[nodiscard]] std::string check_anthropic_block(std::string_view data, std::string_view type);
  [[nodiscard]] std::string check_anthropic_delta(std::string_view data);
  [[nodiscard]] std::string check_ollama(std::string_view data);
  [[nodiscard]] std::string check_responses(std::string_view data);
  [[nodiscard]] std::string check_item(std::string_view data, std::string_view type);
  [[nodiscard]] std::string check_annotation(std::string_view data);
  [[nodiscard]] std::string check_whole_text(std::string_view part) const;

  Dialect dialect_;
  State state_ = State::before;
  std::int64_t index_ = 0;          // of the block, the item or the next event
  std::int64_t sequence_ = 0;       // of the next event
  std::string block_;               // the type of the one that is open
  bool part_ = false;               // a part of a message is open
  std::string text_;                // what its deltas say
  std::vector<std::string> cited_;  // of Responses: the annotations of the open part
  size_t said_ = 0;                 // of chat: how many characters of content so far
  std::vector<std::string> calls_;  // of chat: the arguments of each
};

}  // namespace rocket
