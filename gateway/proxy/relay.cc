#include "proxy/relay.h"

#include <algorithm>

namespace rocket {

Task<Result<void>> Relay::run() {
  StreamReply& reply = *plan_.reply;
  OpenAiStream& stream = attempt_.stream();
  AnswerReader& reader = attempt_.reader();
  last_event_ = plan_.io.timers.now();

  const std::string_view held = attempt_.held();
  reply.send({&held, 1}, stream.done());
  Result<void> taken;
  while (true) {
    if (reply.blocked()) {
      const bool alive = co_await reply.drained(plan_.deadline);
      if (!alive) co_return fail(ErrorCode::client_gone);
    }
    if (!taken) co_return taken;
    if (stream.done()) co_return Result<void>{};
    if (reader.complete()) {
      co_return fail(ErrorCode::upstream_closed,
                     plan_.backend.name + " ended its stream before it was finished");
    }
    const auto waited = co_await wait();
    if (!waited) co_return waited;
    const auto step = reader.step(plan_.io.scratch);
    if (!step) co_return std::unexpected(step.error());
    if (*step == AnswerReader::Step::blocked) continue;
    plan_.endpoint.breaker.note_answer(plan_.io.timers.now());
    taken = take_events();
    if (!pieces_.empty()) reply.send(pieces_, stream.done());
  }
}

// Until the upstream may have something to say; gives other work its turn if it always has.
Task<Result<void>> Relay::wait() {
  StreamReply& reply = *plan_.reply;
  const TimePoint idle = deadline_after(last_event_, plan_.config.timeouts.idle);
  const TimePoint beat = reply.next_beat();
  const TimePoint wake_at = std::min(std::min(idle, plan_.deadline), beat);
  const Wake wake = co_await attempt_.reader().stream().readable(wake_at);
  const TimePoint now = plan_.io.timers.now();
  if (now >= plan_.deadline) co_return fail(ErrorCode::total_timeout);
  if (wake != Wake::timed_out) co_return Result<void>{};
  if (now >= idle) co_return fail(ErrorCode::idle_timeout);
  if (now >= beat) {
    const bool alive = co_await reply.beat({});
    if (!alive) co_return fail(ErrorCode::client_gone);
  }
  co_return Result<void>{};
}

// Everything that the last read completed, in order, as few pieces as possible.
Result<void> Relay::take_events() {
  pieces_.clear();
  copies_.clear();
  Result<void> result;
  for (const std::string_view source : attempt_.reader().body()) {
    const auto fed = attempt_.splitter().feed(source, [&](const SseEvent& event) {
      if (!result) return;
      last_event_ = plan_.io.timers.now();
      const auto forward = attempt_.stream().take(event);
      if (!forward) {
        result = fail(forward.error().code, upstream_words(plan_, forward.error()));
      } else if (*forward) {
        keep(event, source);
      }
    });
    // What follows a stream that is done concerns its connection, not its client.
    if (attempt_.stream().done()) break;
    if (!fed) return fed;
    if (!result) break;
  }
  return result;
}

void Relay::keep(const SseEvent& event, std::string_view source) {
  const char* const begin = event.raw.data();
  if (begin < source.data() || begin >= source.data() + source.size()) {
    // Put together by the splitter, which forgets it with the next event.
    pieces_.push_back(copies_.emplace_back(event.raw));
    return;
  }
  if (!pieces_.empty() && pieces_.back().data() + pieces_.back().size() == begin) {
    pieces_.back() = {pieces_.back().data(), pieces_.back().size() + event.raw.size()};
  } else {
    pieces_.push_back(event.raw);
  }
}

}  // namespace rocket
