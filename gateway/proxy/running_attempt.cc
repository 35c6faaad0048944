#include "proxy/running_attempt.h"

#include <algorithm>

#include "policy/hedge.h"
#include "proxy/passed_headers.h"
#include "wire/http_writer.h"

namespace rocket {

RunningAttempt::RunningAttempt(const Common& common, Target target, Admission::Permit permit,
                               Trial trial, bool cold)
    : common_(common),
      target_(target),
      permit_(std::move(permit)),
      started_at_(common.call.loop().io.timers.now()),
      trial_(std::move(trial)),
      metrics_(*common.current.metrics[target.candidate->backend]),
      held_(metrics_.hold_in_flight()),
      note_(begin_note()),
      plan_{.io = common.call.loop().io,
            .config = common.current.snapshot->config,
            .bodies = common.call.loop().bodies,
            .backend = common.current.snapshot->backends[target.candidate->backend],
            .endpoint =
                *common.current.endpoints[target.candidate->backend][target.endpoint].endpoint,
            .pool = *common.current.endpoints[target.candidate->backend][target.endpoint].pool,
            .dialog = common.dialog,
            .head = head_,
            .out = out_,
            .deadline = common.deadline,
            .reply = common.reply,
            .cold = cold} {
  common.dialog.ask(plan_.backend, *target.candidate, out_);
  head_ = outgoing_head();
}

RunningAttempt::~RunningAttempt() {
  if (counts_at_end_) count_tokens(attempt_->interpreter().usage());
  end_note();
  metrics_.record_attempt(plan_.io.timers.now(), outcome_, blame_);
}

void RunningAttempt::start(bool fresh) {
  ++common_.call.account().attempts;
  if (attempt_) note_ = note_again();
  task_.reset();
  attempt_.emplace(plan_, note_);
  task_.emplace(attempt_->run(fresh));
  task_->begin();
  common_.call.note_gateway_time();
}

AttemptNote RunningAttempt::begin_note() const {
  Receipt* const receipt = common_.call.receipt();
  if (receipt == nullptr) return {};
  const Snapshot& snapshot = *common_.current.snapshot;
  const Backend& backend = snapshot.backends[target_.candidate->backend];
  receipt->provider = to_string(backend.kind);
  return {receipt, backend.endpoints[target_.endpoint]->id, common_.call.loop().io.timers.now()};
}

// On another connection. What the upstream sees is the same request with the same span, so the one
// that did not reach it is called otherwise.
AttemptNote RunningAttempt::note_again() {
  AttemptNote again = begin_note();
  close(Outcome::error, Blame::upstream, ErrorCode::upstream_closed);
  if (note_.line() != nullptr && again.line() != nullptr) {
    std::swap(note_.line()->number, again.line()->number);
  }
  outcome_ = Outcome::cancelled;
  blame_ = Blame::client;
  error_.reset();
  return again;
}

Result<void> RunningAttempt::take_result() {
  auto result = task_->take();
  if (!result) error_ = result.error().code;
  return result;
}

void RunningAttempt::close(Outcome outcome, Blame blame, std::optional<ErrorCode> error) {
  outcome_ = outcome;
  blame_ = blame;
  if (error) error_ = error;
  end_note();
}

void RunningAttempt::end_note() {
  AttemptReceipt* const line = note_.line();
  if (line == nullptr) return;
  note_.end(plan_.io.timers.now());
  line->outcome = outcome_;
  line->blame = blame_;
  if (outcome_ != Outcome::ok) line->error = error_;
}

void RunningAttempt::count_tokens(const Usage& usage) {
  Account& account = common_.call.account();
  account.usage = usage;
  const ModelMetrics& metrics = metrics_.model(account.model);
  metrics.tokens_in.add(static_cast<std::uint64_t>(usage.in));
  metrics.tokens_out.add(static_cast<std::uint64_t>(usage.out));
  metrics.tokens_cached.add(static_cast<std::uint64_t>(usage.cached));
}

void RunningAttempt::expect_within(Duration time, Duration in_disgrace) {
  const TimePoint now = plan_.io.timers.now();
  const bool closed = plan_.endpoint.breaker.standing(now).state == BreakerState::closed;
  late_at_ = deadline_after(now, closed ? time : std::min(time, in_disgrace));
}

bool RunningAttempt::is_hopeless(TimePoint now) const {
  const Duration silent_most = plan_.first_token_time();
  if (attempt_->answered()) return now - attempt_->heard_at() >= silent_most;
  return now - started_at_ >= silent_most ||
         plan_.endpoint.breaker.standing(now).state != BreakerState::closed;
}

// Whatever it has begun to say is no answer, to anybody. That another was quicker than one that is
// not late says nothing about it.
void RunningAttempt::lose(TimePoint now, bool overtaken) {
  SharedBreaker& breaker = plan_.endpoint.breaker;
  if (overtaken && is_silent(now)) {
    breaker.record_silence(started_at_, now, common_.breaker);
  } else if (now >= late_at_) {
    breaker.record_unanswered(started_at_, now, common_.breaker);
  }
  close(Outcome::cancelled, Blame::none);
}

// Not only slow, as far as one can tell.
bool RunningAttempt::is_silent(TimePoint now) const {
  const Duration silent = now - std::max(started_at_, attempt_->heard_at());
  if (plan_.cold) return silent >= plan_.first_token_time();
  const Candidate& candidate = *target_.candidate;
  const std::string_view model =
      candidate.model.empty() ? common_.call.account().route : std::string_view(candidate.model);
  const ModelPace& pace = common_.current.paces[candidate.backend]->model(model);
  return is_given_up(silent, pace.of_endpoint(target_.endpoint, plan_.reply != nullptr, now));
}

std::string RunningAttempt::translation() {
  TranslationLoss loss = out_.loss;
  loss.add(attempt_->interpreter().loss());
  std::string lost = loss.to_string();
  add_translation(lost, attempt_->head().headers);
  return lost;
}

std::string RunningAttempt::outgoing_head() const {
  Call& call = common_.call;
  size_t body_bytes = 0;
  for (const std::string_view piece : out_.pieces)
    body_bytes += piece.size();
  const HeaderList& headers = call.request().head.headers;
  std::string head;
  head.reserve(256 + plan_.endpoint.head_lines.size() + headers.bytes());
  std::string target = plan_.endpoint.url.base_path;
  target += out_.path;
  if (!out_.query.empty()) target.append("?").append(out_.query);
  append_request_line(head, "POST", target);
  head += plan_.endpoint.head_lines;
  append_headers(head);
  head += "content-type: application/json\r\n";
  append_header(head, "content-length", std::to_string(body_bytes));
  head += head_end;
  return head;
}

// The client's, and in a trace of ours our span instead of the one above us.
void RunningAttempt::append_headers(std::string& head) const {
  const HeaderList& headers = common_.call.request().head.headers;
  const Receipt* const receipt = common_.call.receipt();
  PassedRequest passed{.betas = common_.call.dialect == Dialect::anthropic &&
                                plan_.backend.speaks(Dialect::anthropic)};
  if (receipt == nullptr || receipt->trace.span == 0) {
    append_passed_request_headers(head, headers, passed);
  } else {
    passed.trace = receipt->parent_span == 0 ? PassedTrace::none : PassedTrace::state;
    append_passed_request_headers(head, headers, passed);
    TraceContext context = receipt->trace;
    if (note_.line() != nullptr) context.span = receipt->span_of(*note_.line());
    head += "traceparent: ";
    append_traceparent(head, context);
    head += "\r\n";
  }
  append_header(head, "x-request-id", common_.call.id());
}

}  // namespace rocket
