#include "proxy/exchange.h"

#include <algorithm>
#include <array>

#include "policy/balancer.h"
#include "proxy/error_response.h"
#include "proxy/passed_headers.h"
#include "proxy/relay.h"
#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

// Counts one attempt, cancelled unless it is closed otherwise: the coroutine that holds it may
// be destroyed when the client hangs up.
class AttemptCount {
 public:
  AttemptCount(BackendMetrics& metrics, const Timers& timers)
      : metrics_(metrics), timers_(timers), held_(metrics.hold_in_flight()) {}
  AttemptCount(const AttemptCount&) = delete;
  AttemptCount& operator=(const AttemptCount&) = delete;
  ~AttemptCount() { metrics_.record_attempt(timers_.now(), outcome_, blame_); }

  void close(Outcome outcome, Blame blame) {
    outcome_ = outcome;
    blame_ = blame;
  }

 private:
  BackendMetrics& metrics_;
  const Timers& timers_;
  GaugeHold held_;
  Outcome outcome_ = Outcome::cancelled;
  Blame blame_ = Blame::client;
};

// The upstream's Retry-After if it is a sensible number of seconds, else one second.
void append_retry_after(std::string& lines, std::string_view upstream) {
  constexpr size_t digits_max = 5;
  const bool sensible = !upstream.empty() && upstream.size() <= digits_max &&
                        upstream.find_first_not_of("0123456789") == std::string_view::npos;
  append_header(lines, "retry-after", sensible ? upstream : "1");
}

}  // namespace

Exchange::Exchange(Call& call)
    : call_(call),
      loop_(call.loop()),
      current_(call.current()),
      config_(current_->snapshot->config),
      deadline_(deadline_after(call.request().head_at, config_.timeouts.total)),
      retry_(config_.retry.attempts),
      reply_(call.response(), loop_.io.timers, call.id(), config_.heartbeat) {}

Task<void> Exchange::run() {
  const auto ready = prepare();
  if (!ready) {
    last_ = ready.error();
    co_await answer_failure();
    co_return;
  }
  for (const Candidate* candidate : route_.candidates) {
    while (next_ != NextStep::give_up) {
      const auto endpoint = pick(*candidate);
      if (!endpoint) break;
      const bool answered = co_await try_endpoint(*candidate, *endpoint);
      if (answered) co_return;
    }
  }
  co_await answer_failure();
}

Result<void> Exchange::prepare() {
  auto request = read_openai_request(call_.operation, call_.request().body.text());
  if (!request) return std::unexpected(std::move(request.error()));
  request_ = std::move(*request);
  const auto hinted = read_backend_hint();
  if (!hinted) return hinted;
  auto route = current_->router->route(request_.model, request_.backend, loop_.random);
  if (!route) return std::unexpected(std::move(route.error()));
  route_ = std::move(*route);
  call_.account().route = route_.name;
  call_.account().model = route_.name;
  if (request_.stream) {
    waiting_lines_ = call_.common_lines();
    waiting_lines_ += "content-type: text/event-stream\r\ncache-control: no-store\r\n";
  }
  return {};
}

Result<void> Exchange::read_backend_hint() {
  const auto header = call_.request().head.headers.find("x-rocket-backend");
  if (!header || header->empty()) return {};
  if (!request_.backend.empty() && request_.backend != *header) {
    return fail(ErrorCode::invalid_field,
                "`backend` and the header x-rocket-backend name different backends; send one");
  }
  request_.backend = *header;
  return {};
}

std::optional<std::uint32_t> Exchange::pick(const Candidate& candidate) {
  std::vector<EndpointView> views;
  views.reserve(candidate.endpoints.size());
  for (const std::uint32_t index : candidate.endpoints) {
    const Endpoint& endpoint = *current_->endpoints[candidate.backend][index].endpoint;
    const bool tried = std::ranges::any_of(tried_, [&](const Tried& one) {
      return one.candidate == &candidate && one.endpoint == index;
    });
    views.push_back({index, endpoint.verdict.load(std::memory_order_relaxed),
                     endpoint.reason.load(std::memory_order_relaxed),
                     endpoint.in_flight.load(std::memory_order_relaxed), tried});
  }
  return pick_endpoint(views, loop_.random);
}

Task<bool> Exchange::try_endpoint(const Candidate& candidate, std::uint32_t index) {
  const Backend& backend = current_->snapshot->backends[candidate.backend];
  const EndpointUse& use = current_->endpoints[candidate.backend][index];
  if (!tried_.empty()) {
    const BackendMetrics& metrics = *current_->metrics[candidate.backend];
    if (tried_.back().candidate->backend == candidate.backend) {
      metrics.count_retry();
    } else {
      metrics.count_failover();
    }
  }
  tried_.push_back({&candidate, index});
  call_.account().backend = backend.name;
  call_.account().endpoint = use.endpoint->id;

  const auto edits = upstream_edits(request_, candidate.model, true);
  const std::string_view body = call_.request().body.text();
  const auto pieces = splice(body, edits);
  size_t body_bytes = 0;
  for (const std::string_view piece : pieces)
    body_bytes += piece.size();
  const std::string head = outgoing_head(*use.endpoint, body_bytes);
  const AttemptPlan plan{.io = loop_.io,
                         .config = config_,
                         .bodies = loop_.bodies,
                         .backend = backend,
                         .endpoint = *use.endpoint,
                         .pool = *use.pool,
                         .operation = call_.operation,
                         .usage_asked = request_.usage_asked,
                         .head = head,
                         .pieces = pieces,
                         .deadline = deadline_,
                         .reply = request_.stream ? &reply_ : nullptr,
                         .waiting_lines = waiting_lines_};
  const bool answered = co_await try_once(plan, false);
  if (answered) co_return true;
  if (next_ != NextStep::same_endpoint) co_return false;
  const bool answered_now = co_await try_once(plan, true);
  co_return answered_now;
}

Task<bool> Exchange::try_once(const AttemptPlan& plan, bool fresh) {
  ++call_.account().attempts;
  AttemptCount count(*current_->metrics[tried_.back().candidate->backend], loop_.io.timers);
  Attempt attempt(plan);
  const auto ended = co_await attempt.run(fresh);
  if (!ended) {
    last_ = ended.error();
    if (last_.detail.empty()) {
      last_.detail = plan.backend.name + ": " + std::string(meaning_of(last_.code).message);
    }
    retry_after_ = attempt.retry_after();
    next_ = retry_.after(attempt.report(last_.code));
    if (last_.code == ErrorCode::client_gone) co_return true;
    count.close(Outcome::error, meaning_of(last_.code).blame);
    co_return false;
  }
  if (attempt.head().status >= 400) {
    count.close(Outcome::error, Blame::client);
    co_await answer_refusal(plan, attempt);
  } else if (plan.reply != nullptr) {
    const auto relayed = co_await answer_stream(plan, attempt);
    if (relayed) count.close(Outcome::ok, Blame::none);
    if (!relayed && relayed.error().code != ErrorCode::client_gone) {
      count.close(Outcome::cut, meaning_of(relayed.error().code).blame);
    }
  } else {
    count.close(Outcome::ok, Blame::none);
    co_await answer_whole(plan, attempt);
  }
  co_return true;
}

Task<void> Exchange::answer_whole(const AttemptPlan& plan, Attempt& attempt) {
  const std::string_view body = attempt.body();
  std::string mark;
  if (config_.mark_backend) {
    mark = attempt.answer().empty ? "\"_backend\":" : ",\"_backend\":";
    json_append_quoted(mark, plan.backend.name);
  }
  const size_t end = attempt.answer().object_end;
  const std::array<std::string_view, 3> pieces{body.substr(0, end), mark, body.substr(end)};
  std::string lines = answer_lines(plan, "application/json");
  append_passed_answer_headers(lines, attempt.head().headers);
  call_.response().send(attempt.head().status, lines, pieces);
  if (attempt.answer().usage) count_tokens(*attempt.answer().usage);
  call_.close_account(Outcome::ok, Blame::none);
  AnswerReader::release(attempt.take_reader(), loop_.io, loop_.read_offs);
  if (call_.response().blocked()) {
    co_await call_.response().drained();
  }
}

// The upstream refuses the request: its words are the client's to read, as they are if they are
// a proper error and fit to be shown, else put into one.
Task<void> Exchange::answer_refusal(const AttemptPlan& plan, Attempt& attempt) {
  const int status = attempt.head().status;
  const std::string& secret = plan.endpoint.api_key;
  const std::string message = read_upstream_error(attempt.body());
  const auto body = parse_json(attempt.body());
  const bool proper = body && body->kind == JsonKind::object && json_find(body->text, "error") &&
                      !reveals(body->text, secret) && !reveals(message, secret);
  const Error refusal{ErrorCode::invalid_field,
                      plan.backend.name + ": " + scrubbed(message, secret)};
  if (reply_.begun()) {
    co_await reply_.break_off(refusal);
    call_.close_account(Outcome::cut, Blame::client);
    co_return;
  }
  std::string lines = answer_lines(plan, {});
  append_passed_answer_headers(lines, attempt.head().headers);
  call_.send_json(status, proper ? body->text : error_body(refusal, call_.id()), lines);
  call_.close_account(Outcome::error, Blame::client);
  AnswerReader::release(attempt.take_reader(), loop_.io, loop_.read_offs);
  co_await call_.response().drained();
}

Task<Result<void>> Exchange::answer_stream(const AttemptPlan& plan, Attempt& attempt) {
  const TimePoint first_token_at = loop_.io.timers.now();
  const Duration first_token = first_token_at - call_.request().head_at;
  call_.account().first_token = first_token;
  const ModelMetrics& metrics =
      current_->metrics[tried_.back().candidate->backend]->model(route_.name);
  metrics.first_token.observe(first_token);

  std::string lines = answer_lines(plan, "text/event-stream");
  append_passed_answer_headers(lines, attempt.head().headers);
  reply_.begin(lines);
  call_.drop_body();
  Relay relay(plan, attempt);
  const auto relayed = co_await relay.run();

  const Usage usage = attempt.stream().usage();
  count_tokens(usage);
  if (relayed) {
    if (usage.out > 1) {
      metrics.output_token.observe((loop_.io.timers.now() - first_token_at) / (usage.out - 1));
    }
    call_.close_account(Outcome::ok, Blame::none);
    AnswerReader::release(attempt.take_reader(), loop_.io, loop_.read_offs);
  } else if (relayed.error().code != ErrorCode::client_gone) {
    // The client has read part of an answer. Another endpoint would begin a different one, so
    // the only honest reply from here is an error event.
    call_.close_account(Outcome::cut, meaning_of(relayed.error().code).blame);
    co_await reply_.break_off(relayed.error());
  }
  co_return relayed;
}

Task<void> Exchange::answer_failure() {
  if (reply_.begun()) {
    call_.close_account(Outcome::cut, meaning_of(last_.code).blame);
    co_await reply_.break_off(last_);
    co_return;
  }
  std::string lines;
  if (!tried_.empty()) {
    append_header(lines, "x-rocket-attempts", std::to_string(call_.account().attempts));
  }
  const int status = meaning_of(last_.code).status;
  if (status == 429 || status == 503) append_retry_after(lines, retry_after_);
  call_.send_error(last_, lines);
  co_await call_.response().drained();
}

std::string Exchange::outgoing_head(const Endpoint& endpoint, size_t body_bytes) const {
  std::string head;
  head.reserve(256 + endpoint.head_lines.size() + call_.request().head.headers.bytes());
  std::string target = endpoint.url.base_path;
  target += upstream_path(call_.operation);
  if (!call_.target.query.empty()) target += "?" + call_.target.query;
  append_request_line(head, "POST", target);
  head += endpoint.head_lines;
  append_passed_request_headers(head, call_.request().head.headers);
  append_header(head, "x-request-id", call_.id());
  head += "content-type: application/json\r\n";
  append_header(head, "content-length", std::to_string(body_bytes));
  head += head_end;
  return head;
}

std::string Exchange::answer_lines(const AttemptPlan& plan, std::string_view content_type) const {
  std::string lines;
  // send_json writes its own.
  if (!content_type.empty()) {
    lines = call_.common_lines();
    append_header(lines, "content-type", content_type);
  }
  append_header(lines, "x-rocket-backend", plan.backend.name);
  append_header(lines, "x-rocket-endpoint", plan.endpoint.id);
  append_header(lines, "x-rocket-attempts", std::to_string(call_.account().attempts));
  return lines;
}

void Exchange::count_tokens(const Usage& usage) {
  call_.account().usage = usage;
  const ModelMetrics& metrics =
      current_->metrics[tried_.back().candidate->backend]->model(route_.name);
  metrics.tokens_in.add(static_cast<std::uint64_t>(usage.in));
  metrics.tokens_out.add(static_cast<std::uint64_t>(usage.out));
  metrics.tokens_cached.add(static_cast<std::uint64_t>(usage.cached));
}

}  // namespace rocket
