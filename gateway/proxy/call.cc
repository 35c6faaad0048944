#include "proxy/call.h"

#include <algorithm>
#include <array>

#include "proxy/error_response.h"
#include "proxy/key_use.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

constexpr size_t id_bytes_max = 128;
constexpr int status_client_gone = 499;  // nginx's number: the answer had nobody to go to

bool id_ok(std::string_view id) {
  return !id.empty() && id.size() <= id_bytes_max && std::ranges::all_of(id, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// An upstream says what it likes.
std::uint64_t total_tokens(const Usage& usage) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(usage.in, 0)) +
         static_cast<std::uint64_t>(std::max<std::int64_t>(usage.out, 0));
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

Call::~Call() {
  settle_limits();
  const int status =
      account_.outcome == Outcome::cancelled ? status_client_gone : response_.status();
  if (!quiet) {
    count_request(loop_.metrics, {to_string(operation), account_.route, account_.backend, status});
    AccessEntry entry;
    entry.time = loop_.io.timers.wall_now();
    entry.id = id_;
    entry.operation = to_string(operation);
    entry.route = account_.route;
    entry.model = account_.model;
    entry.backend = account_.backend;
    entry.endpoint = account_.endpoint;
    entry.status = status;
    entry.outcome = account_.outcome;
    entry.blame = account_.blame;
    entry.attempts = account_.attempts;
    entry.queue = account_.queue;
    entry.first_token = account_.first_token;
    entry.total = loop_.io.timers.now() - request_.head_at;
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
  return lane;
}

const KeyScope& Call::key_scope() const {
  static const KeyScope everything;
  return key_ == nullptr ? everything : key_->scope;
}

Result<void> Call::take_limits() {
  if (key_ == nullptr || counted_elsewhere_ || hold_) return {};
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
  return fail(ErrorCode::rate_limit_exceeded, refusal_text(limits, taken.error()));
}

// What a request has used is known once it has ended well. One that failed before its answer began
// used nothing that the client has got anything for; of one that was cut, or that the client left,
// nobody knows, and the reservation stands.
void Call::settle_limits() {
  if (!hold_) return;
  const TimePoint now = loop_.io.timers.now();
  if (account_.usage) {
    hold_->settle(total_tokens(*account_.usage), now);
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
  if (limited_) append_limit_lines(lines, *key_->limits, loop_.io.timers.now());
  append_cors(lines);
  return lines;
}

void Call::append_cors(std::string& lines) const {
  const auto& origins = current_->snapshot->config.cors.origins;
  if (origins.empty() || !cors) return;
  const auto origin = request_.head.headers.find("origin");
  if (!origin) return;
  const bool any = std::ranges::find(origins, "*") != origins.end();
  if (!any && std::ranges::find(origins, *origin) == origins.end()) return;
  append_header(lines, "access-control-allow-origin", any ? "*" : *origin);
  append_header(lines, "access-control-expose-headers",
                "x-request-id, x-rocket-backend, x-rocket-endpoint, x-rocket-attempts");
  append_header(lines, "vary", "origin");
}

void Call::send_json(int status, std::string_view body, std::string_view more_lines) {
  send_whole(status, common_lines().append(more_lines), "application/json", body);
}

void Call::send_text(int status, std::string_view body, std::string_view content_type) {
  send_whole(status, common_lines(), content_type, body);
}

void Call::send_whole(int status, std::string lines, std::string_view content_type,
                      std::string_view body) {
  append_header(lines, "content-type", content_type);
  sent_body_ = body;
  const std::string_view piece = sent_body_;
  response_.send(status, lines, {&piece, 1});
  close_account(Outcome::ok, Blame::none);
}

void Call::send_error(const Error& error, std::string_view more_lines) {
  const ErrorMeaning& meaning = meaning_of(error.code);
  send_json(meaning.status, error_body(error, id_), more_lines);
  close_account(Outcome::error, meaning.blame);
}

void Call::drop_request() {
  request_.body = Body();
  request_.head.headers = {};
}

void Call::close_account(Outcome outcome, Blame blame) {
  account_.outcome = outcome;
  account_.blame = blame;
}

}  // namespace rocket
