#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/router.h"
#include "proxy/attempt.h"
#include "proxy/call.h"
#include "proxy/dialog.h"
#include "proxy/shared_breaker.h"

namespace rocket {

// An attempt on its way, with all that it sends and all that is counted while it goes on.
//
// Belongs to its exchange; destroying it closes the upstream connection, counts the attempt as
// cancelled unless it was closed otherwise, and gives its trial back.
class RunningAttempt {
 public:
  struct Target {
    const Candidate* candidate;
    std::uint32_t endpoint;
    [[nodiscard]] bool operator==(const Target&) const = default;
  };
  // What the attempts of one exchange have in common. Outlives them.
  struct Common {
    Call& call;
    const Current& current;
    const Dialog& dialog;
    TimePoint deadline;
    CircuitBreaker::Settings breaker;
    StreamReply* reply;  // null: not a stream
  };

  // `cold`: the model has to be loaded there first.
  RunningAttempt(const Common& common, Target target, Admission::Permit permit, Trial trial,
                 bool cold);
  RunningAttempt(const RunningAttempt&) = delete;
  RunningAttempt& operator=(const RunningAttempt&) = delete;
  ~RunningAttempt();

  // Sends the request; `fresh`: on a new connection. Runs until it first has to wait.
  void start(bool fresh);
  void resume_at_end(std::coroutine_handle<> handle) { task_->resume_at_end(handle); }

  [[nodiscard]] bool ended() const { return task_->done(); }
  // Once it has ended; once.
  [[nodiscard]] Result<void> take_result();

  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] TimePoint started_at() const { return started_at_; }
  [[nodiscard]] const AttemptPlan& plan() const { return plan_; }
  [[nodiscard]] Call& call() { return common_.call; }
  [[nodiscard]] Attempt& attempt() { return *attempt_; }

  // How it ended, for the metrics and the receipt, and what with.
  void close(Outcome outcome, Blame blame, std::optional<ErrorCode> error = std::nullopt);
  // The request was put in other words than the client's.
  [[nodiscard]] bool translated() const { return out_.translated; }
  // What the request has cost, for its account and the metrics of its model.
  void count_tokens(const Usage& usage);
  // Of a stream that the client is told from now on: what is told of it is counted at the end,
  // whoever ends it.
  void count_at_end() { counts_at_end_ = true; }
  // Once the answer has begun: gives back what was sent.
  void drop_request() {
    out_.clear();
    std::string().swap(head_);
  }
  // What could not be carried over, of what it was asked and of what it has answered.
  [[nodiscard]] std::string translation();
  // The upstream has done its work: others may have the place while the client takes the answer.
  void give_place_back() { permit_.release(); }
  // It is late after that; at an endpoint in disgrace after `in_disgrace`, if that is sooner.
  void expect_within(Duration time, Duration in_disgrace);
  // Nothing has come of it, and either its endpoint is in disgrace by now or a stream would have
  // been given up; or its answer has stalled in the middle for as long.
  [[nodiscard]] bool is_hopeless(TimePoint now) const;
  // Another attempt has answered, or nobody waits any more for this one. Held against the endpoint
  // if it was late, or nobody has said when it would be. `overtaken`: by one that was asked later.
  void lose(TimePoint now, bool overtaken);

 private:
  [[nodiscard]] bool is_silent(TimePoint now) const;
  [[nodiscard]] AttemptNote begin_note() const;
  [[nodiscard]] AttemptNote note_again();
  void end_note();
  [[nodiscard]] std::string outgoing_head() const;
  void append_headers(std::string& head) const;

  const Common& common_;
  Target target_;
  Admission::Permit permit_;
  TimePoint started_at_;
  TimePoint late_at_{};
  Trial trial_;
  BackendMetrics& metrics_;
  GaugeHold held_;
  bool counts_at_end_ = false;
  Outcome outcome_ = Outcome::cancelled;
  Blame blame_ = Blame::client;
  std::optional<ErrorCode> error_;
  AttemptNote note_;
  Outgoing out_;
  std::string head_;
  AttemptPlan plan_;
  std::optional<Attempt> attempt_;
  std::optional<Task<Result<void>>> task_;
};

}  // namespace rocket
