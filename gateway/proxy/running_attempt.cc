#include "proxy/running_attempt.h"

#include "proxy/passed_headers.h"
#include "wire/http_writer.h"

namespace rocket {

RunningAttempt::RunningAttempt(const Common& common, Target target, Admission::Permit permit,
                               Trial trial)
    : common_(common),
      target_(target),
      permit_(std::move(permit)),
      started_at_(common.call.loop().io.timers.now()),
      trial_(std::move(trial)),
      metrics_(*common.current.metrics[target.candidate->backend]),
      held_(metrics_.hold_in_flight()),
      edits_(upstream_edits(common.request, target.candidate->model, true)),
      pieces_(splice(common.call.request().body.text(), edits_)),
      plan_{.io = common.call.loop().io,
            .config = common.current.snapshot->config,
            .bodies = common.call.loop().bodies,
            .backend = common.current.snapshot->backends[target.candidate->backend],
            .endpoint =
                *common.current.endpoints[target.candidate->backend][target.endpoint].endpoint,
            .pool = *common.current.endpoints[target.candidate->backend][target.endpoint].pool,
            .operation = common.call.operation,
            .usage_asked = common.request.usage_asked,
            .head = head_,
            .pieces = pieces_,
            .deadline = common.deadline,
            .reply = common.reply} {
  head_ = outgoing_head();
}

RunningAttempt::~RunningAttempt() {
  metrics_.record_attempt(plan_.io.timers.now(), outcome_, blame_);
}

void RunningAttempt::start(bool fresh) {
  ++common_.call.account().attempts;
  task_.reset();
  attempt_.emplace(plan_);
  task_.emplace(attempt_->run(fresh));
  task_->begin();
}

void RunningAttempt::lose(TimePoint now) {
  if (!attempt_->answered()) {
    plan_.endpoint.breaker.record_unanswered(started_at_, now, common_.breaker);
  }
  close(Outcome::cancelled, Blame::none);
}

std::string RunningAttempt::outgoing_head() const {
  Call& call = common_.call;
  size_t body_bytes = 0;
  for (const std::string_view piece : pieces_)
    body_bytes += piece.size();
  const HeaderList& headers = call.request().head.headers;
  std::string head;
  head.reserve(256 + plan_.endpoint.head_lines.size() + headers.bytes());
  std::string target = plan_.endpoint.url.base_path;
  target += upstream_path(call.operation);
  if (!call.target.query.empty()) target += "?" + call.target.query;
  append_request_line(head, "POST", target);
  head += plan_.endpoint.head_lines;
  append_passed_request_headers(head, headers);
  append_header(head, "x-request-id", call.id());
  head += "content-type: application/json\r\n";
  append_header(head, "content-length", std::to_string(body_bytes));
  head += head_end;
  return head;
}

}  // namespace rocket
