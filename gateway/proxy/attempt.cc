#include "proxy/attempt.h"

#include <algorithm>
#include <array>

#include "proxy/error_response.h"
#include "schema/rate_limits.h"

namespace rocket {
namespace {

// An error's body is read only for its message.
constexpr size_t error_body_bytes_max = 64 * 1024;
// While it takes nothing of a request, an upstream is listened to so often.
constexpr Duration look_interval = std::chrono::milliseconds(100);

// Whatever parameters stand behind it (RFC 9110, 8.3.1).
bool is_of_type(const ResponseHead& head, std::string_view type) {
  const auto said = head.headers.find("content-type");
  if (!said || !equals_ignoring_case(said->substr(0, type.size()), type)) return false;
  return said->size() == type.size() || std::string_view("; \t").contains((*said)[type.size()]);
}

bool is_encoded(const ResponseHead& head) {
  const auto encoding = head.headers.find("content-encoding");
  return encoding && !equals_ignoring_case(*encoding, "identity");
}

}  // namespace

std::string upstream_words(const AttemptPlan& plan, const Error& error) {
  // Its own words; others are ours.
  const bool its_own =
      error.code == ErrorCode::upstream_error_event || error.code == ErrorCode::upstream_overloaded;
  if (!its_own) return plan.backend.name + ": " + error.detail;
  return plan.backend.name + " failed: " + scrubbed(error.detail, plan.endpoint.api_key);
}

Attempt::Attempt(const AttemptPlan& plan, AttemptNote note)
    : plan_(plan), note_(note), interpreter_(plan.dialog.interpreter(plan.backend)) {}

AttemptReport Attempt::report(ErrorCode error) const {
  return {error, sent_, reused_, reader_ != nullptr && reader_->answered()};
}

Task<Result<void>> Attempt::run(bool fresh) {
  if (plan_.out.over_budget) co_return fail(ErrorCode::overloaded);
  const TimePoint now = plan_.io.timers.now();
  const TimePoint connect_by =
      std::min(plan_.deadline, deadline_after(now, plan_.config.timeouts.connect));
  std::optional<ConnectionPool::Lease> lease;
  if (!fresh) lease = plan_.pool.take_idle();
  reused_ = lease.has_value();
  if (!lease) {
    auto dialed = co_await plan_.pool.dial(connect_by);
    if (!dialed && plan_.io.timers.now() >= plan_.deadline)
      co_return fail(ErrorCode::total_timeout);
    if (!dialed) co_return std::unexpected(std::move(dialed.error()));
    lease = std::move(*dialed);
    enter(Phase::send);
  } else if (note_.line() != nullptr) {
    note_.line()->phase = Phase::send;
  }
  const LimitsConfig& limits = plan_.config.limits;
  reader_ = std::make_unique<AnswerReader>(
      std::move(*lease),
      HttpLimits{limits.header_bytes.bytes, limits.headers, limits.target_bytes.bytes});
  const auto sent = co_await send(reader_->stream());
  // A server may answer, refuse and close before it has read everything: that answer counts.
  if (!sent) reader_->close_after();
  if (!sent && sent.error().code != ErrorCode::upstream_closed) co_return sent;

  enter(Phase::first_byte);
  const bool streamed = plan_.reply != nullptr;
  const TimePoint first_token_by =
      std::min(plan_.deadline, deadline_after(plan_.io.timers.now(), plan_.first_token_time()));
  auto head = co_await read_head(streamed ? first_token_by : plan_.deadline,
                                 streamed ? plan_.first_token_error() : ErrorCode::total_timeout);
  if (!head) co_return head;
  answered_ = !streamed;
  const bool content_follows = streamed && reader_->head().status == 200;
  enter(content_follows ? Phase::first_token : Phase::rest);
  if (content_follows) {
    auto content = co_await read_to_content(first_token_by);
    co_return content;
  }
  auto whole = co_await read_whole(plan_.deadline);
  co_return whole;
}

void Attempt::note_answer() {
  answered_ = true;
  plan_.endpoint.breaker.note_answer(plan_.io.timers.now());
}

Task<Result<void>> Attempt::send(ByteStream& stream) {
  std::vector<iovec> pieces;
  pieces.reserve(plan_.out.pieces.size() + 1);
  const auto add = [&](std::string_view text) {
    if (!text.empty()) pieces.push_back({const_cast<char*>(text.data()), text.size()});
  };
  add(plan_.head);
  for (const std::string_view piece : plan_.out.pieces)
    add(piece);
  std::span<iovec> rest = pieces;
  while (!rest.empty()) {
    const IoResult written = stream.try_write(rest);
    if (written.status == IoResult::Status::would_block) {
      const TimePoint look_at = deadline_after(plan_.io.timers.now(), look_interval);
      const Wake wake = co_await stream.writable(std::min(plan_.deadline, look_at));
      if (wake != Wake::timed_out) continue;
      if (plan_.io.timers.now() >= plan_.deadline) co_return fail(ErrorCode::total_timeout);
      const auto early = answers_early();
      if (!early) co_return std::unexpected(early.error());
      if (*early) co_return Result<void>{};
      continue;
    }
    if (written.status != IoResult::Status::done) co_return fail(ErrorCode::upstream_closed);
    sent_ = true;
    size_t taken = written.bytes;
    while (!rest.empty() && taken >= rest.front().iov_len) {
      taken -= rest.front().iov_len;
      rest = rest.subspan(1);
    }
    if (taken != 0) {
      rest.front().iov_base = static_cast<char*>(rest.front().iov_base) + taken;
      rest.front().iov_len -= taken;
    }
  }
  co_return Result<void>{};
}

// It may refuse a request without having read all of it, and wait for us to notice (RFC 9112, 9.5).
Result<bool> Attempt::answers_early() {
  if (reader_->stream().empty()) return false;
  const auto step = reader_->step(plan_.io.scratch);
  if (!step) return std::unexpected(step.error());
  if (!reader_->head_complete()) return false;
  heard_at_ = plan_.io.timers.now();
  reader_->close_after();
  return true;
}

// One step that has made progress; gives other work its turn if there always is.
Task<Result<AnswerReader::Step>> Attempt::next_step(TimePoint phase_deadline,
                                                    ErrorCode phase_error) {
  while (true) {
    co_await reader_->stream().readable(phase_deadline);
    const TimePoint now = plan_.io.timers.now();
    if (now >= phase_deadline) {
      co_return fail(now >= plan_.deadline ? ErrorCode::total_timeout : phase_error);
    }
    auto step = reader_->step(plan_.io.scratch);
    if (step && *step == AnswerReader::Step::blocked) continue;
    heard_at_ = now;
    co_return step;
  }
}

Task<Result<void>> Attempt::read_head(TimePoint deadline, ErrorCode phase_error) {
  while (!reader_->head_complete()) {
    auto step = co_await next_step(deadline, phase_error);
    if (!step) co_return std::unexpected(std::move(step.error()));
  }
  const ResponseHead& head = reader_->head();
  if (const auto value = head.headers.find("retry-after")) retry_after_ = *value;
  if (head.status == 429) concurrent_limit_ = read_concurrent_limit(head.headers);
  if (head.status >= 300 && head.status < 400) {
    co_return fail(ErrorCode::upstream_garbage,
                   plan_.backend.name +
                       " answered with a redirect, which is never followed; "
                       "give its final address in urls");
  }
  if (head.status == 205 || head.status == 206) {
    co_return fail(ErrorCode::upstream_garbage, plan_.backend.name + " answered " +
                                                    std::to_string(head.status) +
                                                    ", which is no whole answer");
  }
  if (head.status < 300 && is_encoded(head)) {
    co_return fail(ErrorCode::upstream_garbage, plan_.backend.name + " answered encoded, unasked");
  }
  const bool stream =
      head.status == 200 && is_of_type(head, plan_.dialog.stream_type(plan_.backend));
  if (plan_.reply != nullptr && head.status < 300 && !stream) {
    co_return fail(ErrorCode::upstream_garbage,
                   plan_.backend.name + " answered a streamed request without a stream");
  }
  co_return Result<void>{};
}

// What has been read with the head counts first, hence the test at the end.
Task<Result<void>> Attempt::read_whole(TimePoint deadline) {
  const bool good = reader_->head().status < 400;
  const size_t most = good ? plan_.config.limits.body_bytes.bytes : error_body_bytes_max;
  const std::uint64_t announced = reader_->head().content_length.value_or(0);
  if (announced > most) co_return fail(ErrorCode::upstream_too_large);
  body_.expect(announced);
  while (true) {
    for (const std::string_view piece : reader_->body()) {
      if (body_.size() + piece.size() > most) co_return fail(ErrorCode::upstream_too_large);
      if (!body_.append(plan_.bodies, piece)) co_return fail(ErrorCode::overloaded);
    }
    if (reader_->complete()) break;
    auto step = co_await next_step(deadline, ErrorCode::total_timeout);
    if (!step) co_return std::unexpected(std::move(step.error()));
  }
  note_answer();
  if (!good && is_encoded(reader_->head())) body_ = Body();  // nobody can read these words
  co_return judge_whole();
}

Result<void> Attempt::judge_whole() {
  const int status = reader_->head().status;
  if (status == 401 || status == 407) return std::unexpected(credentials_refused());
  // Full is not broken: it is left alone for a moment, as one that names the time.
  if (retry_after_.empty() && says_busy(status, body_.text())) retry_after_ = "1";
  if (status == 429 || status >= 500) return std::unexpected(upstream_error(status));
  if (status >= 400) return {};
  auto heard = interpreter_->hear_whole(body_.text());
  if (!heard && heard.error().code == ErrorCode::upstream_status) {
    heard.error().detail =
        plan_.backend.name + " failed: " + scrubbed(heard.error().detail, plan_.endpoint.api_key);
  }
  return heard;
}

// Whatever key the client has shown, it was not that one. The upstream's own words may repeat a
// part of it.
Error Attempt::credentials_refused() const {
  return {ErrorCode::upstream_unauthorized,
          plan_.backend.name + " refused the gateway's credentials; its operator has to check " +
              "api_key_env or api_key_file of that backend"};
}

Error Attempt::upstream_error(int status) const {
  const ErrorCode code = status == 429                        ? ErrorCode::upstream_limited
                         : status == 529                      ? ErrorCode::upstream_overloaded
                         : says_loading(status, body_.text()) ? ErrorCode::upstream_loading
                         : status == 503                      ? ErrorCode::upstream_unavailable
                                                              : ErrorCode::upstream_status;
  const std::string message = scrubbed(read_upstream_error(body_.text()), plan_.endpoint.api_key);
  std::string detail = plan_.backend.name + " answered " + std::to_string(status);
  if (!message.empty()) detail += ": " + message;
  return {code, std::move(detail)};
}

Task<Result<void>> Attempt::read_to_content(TimePoint deadline) {
  while (true) {
    auto taken = take_events();
    if (!taken) co_return taken;
    if (interpreter_->content_seen() || interpreter_->done()) {
      note_answer();
      enter(Phase::rest);
      co_return Result<void>{};
    }
    if (reader_->complete()) {
      co_return fail(ErrorCode::upstream_closed,
                     plan_.backend.name + " ended its stream before it said anything");
    }
    auto step = co_await next_step(deadline, plan_.first_token_error());
    if (!step) co_return std::unexpected(std::move(step.error()));
  }
}

// An error even behind the first content: none of it has been sent, so it can still be hidden.
Result<void> Attempt::take_events() {
  for (const std::string_view piece : reader_->body())
    heard_bytes_ += piece.size();
  auto heard = interpreter_->hear({reader_->body(), plan_.io.scratch});
  for (const std::string_view piece : interpreter_->out())
    held_ += piece;
  if (!heard) return fail(heard.error().code, upstream_words(plan_, heard.error()));
  // Of what it says, not of what becomes of it: Responses say the request again, which is no fault
  // of the upstream's.
  if (heard_bytes_ > plan_.config.limits.event_bytes.bytes + plan_.io.scratch.size()) {
    return fail(ErrorCode::upstream_too_large);
  }
  return {};
}

}  // namespace rocket
