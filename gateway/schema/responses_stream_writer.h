#pragma once

#include "schema/held_citations.h"
#include "schema/json_pieces.h"
#include "schema/responses_writer.h"
#include "schema/stream_event.h"

namespace rocket {

// Writes a streamed response. Its last event repeats all that was said, so the answer is kept
// while it comes, up to a limit.
class ResponsesStreamWriter final : public StreamWriter {
 public:
  explicit ResponsesStreamWriter(const AnswerFrame& frame);
  [[nodiscard]] Result<void> take(const StreamEvent& event) override;
  [[nodiscard]] size_t kept_bytes() const override {
    return echo_.size() + output_.size() + text_.size() + signature_.size() + citations_.bytes();
  }
  [[nodiscard]] std::string_view whole() const override { return whole_; }

 private:
  void begin(const StreamEvent& event);
  void begin_block(const StreamEvent& event);
  [[nodiscard]] Result<void> add(const StreamEvent& event);
  [[nodiscard]] Result<void> cite(const Citation& citation);
  void write_citations();
  void write_whole_text();
  void end_block(StopReason stop);
  void end(StopReason stop);
  void fail_with(const StreamEvent& event);

  // An event's frame and the members that all have; `members` are what else it has.
  void write(std::string_view type, const JsonPieces& members);
  [[nodiscard]] JsonPieces in_item() const;
  [[nodiscard]] JsonPieces in_part() const;
  void write_response(std::string_view type, const ResponseState& state);
  [[nodiscard]] std::string response(const ResponseState& state) const;
  [[nodiscard]] AnswerFrame frame() const;
  [[nodiscard]] Part part() const;

  static constexpr size_t answer_max = size_t{16} << 20U;

  std::string id_;
  std::string own_model_;
  std::string echo_;
  std::string model_;
  std::int64_t created_;
  bool started_ = false;
  size_t sequence_ = 0;
  size_t items_ = 0;
  std::string output_;  // the items that are whole, with commas
  std::string whole_;
  // The item that is open.
  bool open_ = false;
  bool ended_ = false;  // all of it has been said, but not yet that it is so
  Part::Kind kind_ = Part::Kind::text;
  std::string item_id_;
  std::string call_id_;
  std::string name_;
  std::string text_;       // as it stands between quotes
  std::string signature_;  // the same, of what was thought
  HeldCitations citations_;
  std::string arguments_;  // of a call that is whole, decoded
  std::string head_;       // of its deltas, up to the inside of their text
  TokenUsage usage_;
  bool counted_ = false;
};

}  // namespace rocket
