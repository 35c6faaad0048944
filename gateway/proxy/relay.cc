#include "proxy/relay.h"

#include <algorithm>

namespace rocket {

Task<Result<void>> Relay::run() {
  StreamReply& reply = *plan_.reply;
  Interpreter& interpreter = attempt_.interpreter();
  AnswerReader& reader = attempt_.reader();
  last_event_ = plan_.io.timers.now();

  send_held();
  attempt_.note_passed_on();
  Result<void> taken;
  while (true) {
    if (reply.blocked()) {
      const bool alive = co_await reply.drained(plan_.deadline);
      if (!alive) co_return fail(ErrorCode::client_gone);
    }
    if (!taken) co_return taken;
    if (interpreter.done()) co_return Result<void>{};
    if (reader.complete()) {
      co_return fail(ErrorCode::upstream_closed,
                     plan_.backend.name + " ended its stream before it was finished");
    }
    reader.drop_body();
    // Gives other work its turn if there always is something.
    const Wake wake = co_await reader.stream().readable(wake_at());
    if (plan_.io.timers.now() >= plan_.deadline) co_return fail(ErrorCode::total_timeout);
    if (wake == Wake::timed_out) {
      const auto waited = co_await wait_longer();
      if (!waited) co_return waited;
    }
    const auto step = reader.step(plan_.io.scratch);
    if (!step) co_return std::unexpected(step.error());
    if (*step == AnswerReader::Step::blocked) continue;
    taken = take_events();
    const auto out = interpreter.out();
    if (!out[0].empty() || !out[1].empty()) send(out);
  }
}

// Then gives back what only the time before the commit needed: streams last, and may be many.
void Relay::send_held() {
  const std::string held = attempt_.take_held();
  const std::string_view piece = held;
  send({&piece, 1});
  attempt_.reader().drop_headers();
}

void Relay::send(std::span<const std::string_view> pieces) {
  const Interpreter& interpreter = attempt_.interpreter();
  const bool last = interpreter.done();
  if (last) plan_.dialog.keep(interpreter);
  plan_.reply->send(pieces, last);
}

TimePoint Relay::wake_at() const {
  const TimePoint idle = deadline_after(last_event_, plan_.config.timeouts.idle);
  return std::min({idle, plan_.deadline, plan_.reply->next_beat()});
}

// The upstream has said nothing until wake_at().
Task<Result<void>> Relay::wait_longer() {
  const TimePoint now = plan_.io.timers.now();
  if (now >= deadline_after(last_event_, plan_.config.timeouts.idle)) {
    co_return fail(ErrorCode::idle_timeout);
  }
  if (now >= plan_.reply->next_beat()) {
    const bool alive = co_await plan_.reply->beat({}, attempt_.interpreter().sign_of_life());
    if (!alive) co_return fail(ErrorCode::client_gone);
  }
  co_return Result<void>{};
}

// Everything that the last read completed, in order.
Result<void> Relay::take_events() {
  Interpreter& interpreter = attempt_.interpreter();
  const auto heard = interpreter.hear({attempt_.reader().body(), plan_.io.scratch});
  if (interpreter.moved()) last_event_ = plan_.io.timers.now();
  if (!heard) return fail(heard.error().code, upstream_words(plan_, heard.error()));
  return {};
}

}  // namespace rocket
