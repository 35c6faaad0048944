#include "proxy/call.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "proxy/error_response.h"
#include "proxy/key_use.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

constexpr size_t id_bytes_max = 128;
constexpr size_t unpaid_answer_bytes_max = 16 * 1024;
constexpr int status_client_gone = 499;  // nginx's number: the answer had nobody to go to

bool id_ok(std::string_view id) {
  return !id.empty() && id.size() <= id_bytes_max && std::ranges::all_of(id, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// An upstream says what it likes.
std::uint64_t counted(std::int64_t tokens) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(tokens, 0));
}

std::string make_id(Random& random) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 36> id{'r', 'e', 'q', '_'};
  char* next = id.data() + 4;
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = random.next();
    for (int i = 0; i < 16; ++i) {
      *next++ = digits[bits & 15U];
      bits >>= 4U;
    }
  }
  return {id.data(), id.size()};
}

std::string tracestate_of(const HeaderList& headers) {
  std::vector<std::string_view> lines;
  for (const HeaderList::Header& header : headers) {
    if (equals_ignoring_case(header.name, "tracestate")) lines.push_back(header.value);
  }
  return read_tracestate(lines);
}

TracedRequest::Server server_of(std::string_view endpoint, const Snapshot& snapshot) {
  for (const Backend& backend : snapshot.backends) {
    for (const auto& one : backend.endpoints) {
      if (one->id == endpoint) return {one->url.host, one->url.port};
    }
  }
  return {};
}

// Whom the attempts were sent to.
std::vector<TracedRequest::Server> servers_of(const Receipt& receipt, const Snapshot& snapshot) {
  std::vector<TracedRequest::Server> servers;
  for (const AttemptReceipt& attempt : receipt.attempts())
    servers.push_back(server_of(receipt.endpoint_of(attempt), snapshot));
  return servers;
}

}  // namespace

Call::Call(LoopState& loop, Request& request, ResponseWriter& response)
    : loop_(loop),
      current_(loop.current),
      request_(request),
      response_(response),
      bytes_in_(request.body.size()) {
  const auto given = request.head.headers.find("x-request-id");
  id_ = given && id_ok(*given) ? std::string(*given) : make_id(loop.random);
}

Call::Call(Call& whole, const Part& part, ResponseWriter& response)
    : target(whole.target),
      operation(whole.operation),
      dialect(whole.dialect),
      cors(false),
      loop_(whole.loop_),
      current_(whole.current_),
      request_(whole.request_),
      response_(response),
      id_(whole.id_),
      receipt_(whole.receipt_),
      part_(&part),
      bytes_in_(0) {
  act_for(whole.key_);
}

Call::~Call() {
  if (loop_.cutting && account_.outcome == Outcome::cancelled) end_cut();
  settle_limits();
  const int status = account_.outcome == Outcome::cancelled ? status_client_gone
                     : response_.status() == 0              ? meaning_of(ErrorCode::draining).status
                                                            : response_.status();
  if (quiet) return;
  const Timers& timers = loop_.io.timers;
  const End end{status, timers.now() - request_.head_at, timers.wall_now()};
  count(status);
  log(end);
  if (receipt_ != nullptr) close_receipt(end);
}

// The gateway ends while this is under way. A client that has not been told anything yet, or is
// being told an answer of a model, hears so as far as it takes what it is told at once; nobody
// waits for it any more.
void Call::end_cut() {
  const Error error{ErrorCode::draining, {}};
  // What is told part by part is its whole's.
  const bool told_here = part_ == nullptr && !ours_ && response_.alive();
  if (told_here && response_.state() == ResponseWriter::State::fresh) {
    response_.set_keep_alive(false);
    send_error(error);
    return;
  }
  const bool streams = response_.state() == ResponseWriter::State::streaming;
  // What has no first token is a file.
  if (told_here && streams && account_.first_token && !response_.blocked()) {
    const std::string words = write_error_event(dialect, told(error, id_));
    const std::string_view piece = words;
    response_.write({&piece, 1}, false);
    response_.cut();
  }
  const bool begun = response_.status() != 0;
  close_account(begun ? Outcome::cut : Outcome::error, meaning_of(error.code).blame);
}

bool Call::take_up_models() {
  if (loop_.current->snapshot != current_->snapshot) return false;
  current_ = loop_.current;
  return true;
}

void Call::count(int status) {
  count_request(loop_.metrics, {to_string(operation), account_.route, account_.backend, status});
  if (key_ == nullptr) return;
  loop_.metrics.counter(Family::key_requests, {account_.key}).add();
  if (!account_.usage) return;
  const auto add = [&](std::string_view direction, std::int64_t tokens) {
    loop_.metrics.counter(Family::key_tokens, {account_.key, direction}).add(counted(tokens));
  };
  add("in", account_.usage->in);
  add("out", account_.usage->out);
  add("cached", account_.usage->cached);
}

void Call::log(const End& end) {
  AccessEntry entry;
  entry.time = end.at;
  entry.id = id_;
  entry.operation = to_string(operation);
  entry.route = account_.route;
  entry.model = account_.model;
  entry.backend = account_.backend;
  entry.endpoint = account_.endpoint;
  entry.status = end.status;
  entry.outcome = account_.outcome;
  entry.blame = account_.blame;
  entry.attempts = account_.attempts;
  entry.queue = account_.queue;
  entry.first_token = account_.first_token;
  entry.total = end.total;
  if (account_.usage) {
    entry.tokens_in = static_cast<std::uint64_t>(account_.usage->in);
    entry.tokens_out = static_cast<std::uint64_t>(account_.usage->out);
  }
  entry.key = account_.key;
  entry.lane = account_.lane;
  entry.bytes_in = bytes_in_;
  entry.bytes_out = response_.bytes_sent();
  loop_.access_log.append(entry);
}

void Call::open_receipt() {
  if (receipt_ != nullptr || ours_) return;
  receipt_ = current_->receipts->open({id_, to_string(operation), request_.head_at});
  if (receipt_ == nullptr) {
    loop_.metrics.counter(Family::receipts_missed).add();
    return;
  }
  receipt_->set_key(account_.key);
  receipt_->lane = account_.lane;
  if (current_->traces) place_in_trace();
}

// As whoever sent it decided (parent-based sampling); a trace that is not sampled above us passes
// through as it is.
void Call::place_in_trace() {
  const HeaderList& headers = request_.head.headers;
  const auto given = headers.find("traceparent");
  // Two of them are none (Trace Context, 3.2).
  const auto parent = given && headers.count("traceparent") == 1 ? parse_traceparent(*given)
                                                                 : std::optional<TraceContext>();
  if (!parent) {
    receipt_->trace = begin_trace(loop_.random, current_->snapshot->config.otlp.ratio);
  } else if (parent->sampled()) {
    receipt_->trace = *parent;
    receipt_->trace.span = make_span_id(loop_.random);
    receipt_->parent_span = parent->span;
    trace_state_ = tracestate_of(headers);
  }
}

// Parts are begun in one turn, whose time the whole counts once.
void Call::note_gateway_time() {
  if (receipt_ == nullptr || part_ != nullptr) return;
  const Timers& timers = loop_.io.timers;
  receipt_->gateway += timers.clock() - timers.now();
}

// What goes to a backend is never quiet.
void Call::close_receipt(const End& end) {
  note_gateway_time();
  Receipt& receipt = *receipt_;
  receipt.status = end.status;
  receipt.outcome = account_.outcome;
  receipt.blame = account_.blame;
  receipt.total = end.total;
  receipt.queue = account_.queue;
  if (account_.usage) {
    receipt.tokens_known = true;
    receipt.tokens_in = account_.usage->in;
    receipt.tokens_out = account_.usage->out;
    receipt.tokens_cached = account_.usage->cached;
  }
  receipt.ended_at = end.at;
  if (receipt.trace.span != 0 && receipt.trace.sampled()) {
    const Snapshot& snapshot = *current_->snapshot;
    const bool kept =
        loop_.traces.push({receipt, std::move(trace_state_), servers_of(receipt, snapshot)},
                          snapshot.config.otlp.queue);
    if (!kept) loop_.metrics.counter(Family::traces, {"dropped"}).add();
  }
  current_->receipts->close(receipt);
}

void Call::identify(const Key& key) {
  key_ = &key;
  account_.key = key.name;
  account_.lane = to_string(key.lane);
}

Result<Lane> Call::lane() {
  Lane lane = key_ == nullptr ? usual_lane(operation) : key_->lane;
  const auto header = request_.head.headers.find("x-rocket-lane");
  if (header) {
    const auto asked = rocket::lane(*header);
    if (!asked) {
      return fail(ErrorCode::invalid_field,
                  "the header x-rocket-lane takes interactive, normal or batch");
    }
    lane = std::max(lane, *asked);
  }
  account_.lane = to_string(lane);
  if (receipt_ != nullptr) receipt_->lane = account_.lane;
  return lane;
}

const KeyScope& Call::key_scope() const {
  static const KeyScope everything;
  return key_ == nullptr ? everything : key_->scope;
}

Result<void> Call::take_limits() {
  if (key_ == nullptr || ours_ || hold_) return {};
  limited_ = true;
  KeyLimits& limits = *key_->limits;
  // Nobody needs the estimate where tokens are not limited.
  const std::uint64_t tokens =
      limits.settings().tokens_per_minute ? expected_tokens(request_.body.text()) : 0;
  auto taken = limits.take(tokens, loop_.io.timers.now());
  if (taken) {
    hold_ = std::move(*taken);
    return {};
  }
  limits_wait_ = taken.error().wait;
  if (taken.error().limit == KeyLimits::Limit::concurrent) {
    note_concurrent_limit(limits.settings().concurrent);
  }
  return fail(ErrorCode::rate_limit_exceeded, refusal_text(limits, taken.error()));
}

// What a request has used is known once it has ended well; of a stream its tokens have been counted
// in any case. One that failed before its answer began used nothing that the client has got
// anything for; of one that the client left nobody knows, and the reservation stands.
void Call::settle_limits() {
  if (!hold_) return;
  const TimePoint now = loop_.io.timers.now();
  if (account_.usage) {
    const auto minute = key_->limits->settings().tokens_per_minute;
    hold_->settle(used_tokens(*account_.usage, bytes_in_, minute.value_or(0)), now);
  } else if (account_.outcome == Outcome::error) {
    hold_->settle(0, now);
  }
}

UpstreamLimits Call::upstream_limits() const {
  const bool ours = limited_ && (key_->limits->settings().requests_per_minute ||
                                 key_->limits->settings().tokens_per_minute);
  return ours ? UpstreamLimits::kept : UpstreamLimits::passed;
}

std::string Call::common_lines() const {
  constexpr size_t usual_bytes = 320;  // with what an exchange adds
  std::string lines;
  lines.reserve(usual_bytes);
  append_header(lines, "x-request-id", id_);
  // Where Anthropic's clients look for it.
  if (dialect == Dialect::anthropic) append_header(lines, "request-id", id_);
  if (limited_) append_limit_lines(lines, *key_->limits, loop_.io.timers.now());
  // What is got is its key's, and a cache that looks at Authorization knows no x-api-key.
  const Method method = request_.head.method;
  const bool got = method == Method::get || method == Method::head;
  if (got && !quiet) append_header(lines, "cache-control", "no-store");
  append_cors(lines);
  return lines;
}

void Call::append_cors(std::string& lines) const {
  const auto& origins = current_->snapshot->config.cors.origins;
  if (origins.empty() || !cors) return;
  const bool any = std::ranges::find(origins, "*") != origins.end();
  // Also to those who are told nothing else here, lest a cache tells it to the others.
  if (!any) append_header(lines, "vary", "origin");
  const auto origin = request_.head.headers.find("origin");
  if (!origin) return;
  if (!any && std::ranges::find(origins, *origin) == origins.end()) return;
  append_header(lines, "access-control-allow-origin", any ? "*" : *origin);
  append_header(lines, "access-control-expose-headers",
                "x-request-id, request-id, retry-after, x-rocket-backend, x-rocket-endpoint, "
                "x-rocket-attempts, x-rocket-translation, x-rocket-warning, x-rocket-limit, "
                "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
                "x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
                "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens");
}

void Call::send_json(int status, std::string_view body, std::string_view more_lines) {
  send_whole(status, common_lines().append(more_lines), "application/json", body);
}

void Call::send_text(int status, std::string_view body, std::string_view content_type) {
  send_whole(status, common_lines(), content_type, body);
}

void Call::send_whole(int status, std::string lines, std::string_view content_type,
                      std::string_view body) {
  // Operators' ports are told in any case, and have few connections.
  if (body.size() > unpaid_answer_bytes_max && !quiet &&
      !sent_hold_.extend(loop_.bodies, body.size())) {
    send_error({ErrorCode::overloaded, {}});
    return;
  }
  append_header(lines, "content-type", content_type);
  sent_body_ = body;
  const std::string_view piece = sent_body_;
  response_.send(status, lines, {&piece, 1});
  const bool good = status < 400;
  close_account(good ? Outcome::ok : Outcome::error, good ? Blame::none : Blame::client);
}

void Call::send_error(const Error& error, std::string_view more_lines) {
  const ToldError told_error = told(error, id_);
  const int status = error_status(dialect, told_error);
  std::string lines(more_lines);
  if (concurrent_limit_ && status == 429) {
    append_header(lines, "x-rocket-limit", "concurrent=" + std::to_string(*concurrent_limit_));
  }
  // Where nobody knows better, soon.
  const bool passes = meaning_of(error.code).status == 503;
  if (passes && !lines.contains("retry-after: ")) append_header(lines, "retry-after", "1");
  send_json(status, write_error_body(dialect, told_error), lines);
  account_.error = error.code;
  close_account(Outcome::error, meaning_of(error.code).blame);
}

TimePoint Call::taken_by() const {
  const Config& config = current_->snapshot->config;
  return deadline_after(loop_.io.timers.now(),
                        std::max(config.timeouts.total, config.limits.write_time));
}

Duration Call::heartbeat() const {
  return part_ == nullptr ? current_->snapshot->config.heartbeat : Duration::zero();
}

bool Call::is_strict() const {
  const auto said = request_.head.headers.find("x-rocket-strict");
  if (!said) return false;
  constexpr std::array<std::string_view, 3> yes{"1", "true", "yes"};
  return std::ranges::any_of(
      yes, [&](std::string_view word) { return equals_ignoring_case(*said, word); });
}

void Call::drop_request() {
  if (part_ != nullptr) return;
  request_.body = Body();
  request_.head.headers = {};
}

void Call::close_account(Outcome outcome, Blame blame) {
  account_.outcome = outcome;
  account_.blame = blame;
}

}  // namespace rocket
