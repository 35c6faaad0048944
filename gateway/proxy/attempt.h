#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/body.h"
#include "config/config.h"
#include "net/connection_pool.h"
#include "policy/retry.h"
#include "proxy/answer_reader.h"
#include "proxy/backend.h"
#include "proxy/dialog.h"
#include "proxy/stream_reply.h"
#include "telemetry/receipt.h"

namespace rocket {

// An attempt's line in its request's receipt, if it has one.
class AttemptNote {
 public:
  AttemptNote() = default;
  AttemptNote(Receipt* receipt, std::string_view endpoint, TimePoint now) : receipt_(receipt) {
    if (receipt_ != nullptr) attempt_ = receipt_->begin_attempt(endpoint, now);
  }
  [[nodiscard]] AttemptReceipt* line() const { return attempt_; }

  // These do nothing where there is no line.
  void enter(Phase phase, TimePoint now) const {
    if (attempt_ != nullptr) receipt_->enter(*attempt_, phase, now);
  }
  // What Rocket has done since the loop woke up was its own doing.
  void add_gateway_time(const Timers& timers) const {
    if (receipt_ != nullptr) receipt_->gateway += timers.clock() - timers.now();
  }
  void end(TimePoint now) const {
    if (attempt_ != nullptr && !attempt_->ended) receipt_->end(*attempt_, now);
  }

 private:
  Receipt* receipt_ = nullptr;
  AttemptReceipt* attempt_ = nullptr;
};

// What one attempt needs to know of its exchange. Everything outlives the attempt.
struct AttemptPlan {
  Io& io;
  const Config& config;
  ByteBudget& bodies;
  const Backend& backend;
  Endpoint& endpoint;
  ConnectionPool& pool;
  const Dialog& dialog;
  const std::string& head;  // the whole outgoing head
  const Outgoing& out;      // what goes behind it
  TimePoint deadline;       // of the exchange: timeouts.total
  StreamReply* reply;       // null: not a stream
  bool cold;                // the model has to be loaded first

  // The phase up to the first content of a stream, and the error that names it.
  [[nodiscard]] Duration first_token_time() const {
    return cold ? config.timeouts.load : config.timeouts.first_token;
  }
  [[nodiscard]] ErrorCode first_token_error() const {
    return cold ? ErrorCode::load_timeout : ErrorCode::first_token_timeout;
  }
};

// The detail of an error in an upstream's stream, fit for a client.
[[nodiscard]] std::string upstream_words(const AttemptPlan& plan, const Error& error);

// One try at one endpoint: connect or borrow a connection, send, and read as far as nothing is
// lost yet if it fails. For an unstreamed request that is the whole answer; for a stream it is
// up to the first event with content.
//
// Destroying it at any point closes the connection: that is how an upstream learns that nobody
// wants its answer any more.
class Attempt {
 public:
  Attempt(const AttemptPlan& plan, AttemptNote note);

  // `fresh`: on a new connection. The errors are those that policy/retry tells apart.
  [[nodiscard]] Task<Result<void>> run(bool fresh);

  // After a failure: how it came about.
  [[nodiscard]] AttemptReport report(ErrorCode error) const;
  // The upstream's Retry-After, as it sent it; empty if none.
  [[nodiscard]] const std::string& retry_after() const { return retry_after_; }
  // Refused because so many at once are all that our key may have there; none: for another reason.
  [[nodiscard]] std::optional<std::uint32_t> concurrent_limit() const { return concurrent_limit_; }
  // It has said something that counts: of a stream content, else at least its head.
  [[nodiscard]] bool answered() const { return answered_; }
  // When it said anything last. Long ago, of an answer that has begun: it has stalled.
  [[nodiscard]] TimePoint heard_at() const { return heard_at_; }

  // After success.
  [[nodiscard]] const ResponseHead& head() const { return reader_->head(); }
  // Of an unstreamed answer: all of it.
  [[nodiscard]] std::string_view body() const { return body_.text(); }
  // Of a stream: whole events that are to be forwarded first.
  [[nodiscard]] std::string take_held() { return std::exchange(held_, {}); }

  // What it has said has gone on to the client.
  void note_passed_on() const { note_.add_gateway_time(plan_.io.timers); }

  // Has heard the stream so far, or all of a 2xx answer that is none.
  [[nodiscard]] Interpreter& interpreter() { return *interpreter_; }
  [[nodiscard]] AnswerReader& reader() { return *reader_; }
  // To be given back to the pool; the attempt is over.
  [[nodiscard]] std::unique_ptr<AnswerReader> take_reader() { return std::move(reader_); }

 private:
  [[nodiscard]] Task<Result<void>> send(ByteStream& stream);
  [[nodiscard]] Result<bool> answers_early();
  [[nodiscard]] Task<Result<AnswerReader::Step>> next_step(TimePoint phase_deadline,
                                                           ErrorCode phase_error);
  [[nodiscard]] Task<Result<void>> read_head(TimePoint deadline, ErrorCode phase_error);
  [[nodiscard]] Task<Result<void>> read_whole(TimePoint deadline);
  [[nodiscard]] Task<Result<void>> read_to_content(TimePoint deadline);
  [[nodiscard]] Result<void> take_events();
  [[nodiscard]] Result<void> judge_whole();
  [[nodiscard]] Error credentials_refused() const;
  [[nodiscard]] Error upstream_error(int status) const;
  void note_answer();
  void enter(Phase phase) const { note_.enter(phase, plan_.io.timers.now()); }

  const AttemptPlan& plan_;
  AttemptNote note_;
  std::unique_ptr<AnswerReader> reader_;
  bool sent_ = false;
  bool reused_ = false;
  bool answered_ = false;
  TimePoint heard_at_{};
  std::string retry_after_;
  std::optional<std::uint32_t> concurrent_limit_;
  Body body_;
  std::unique_ptr<Interpreter> interpreter_;
  std::string held_;
  size_t heard_bytes_ = 0;  // before the first content
};

}  // namespace rocket
