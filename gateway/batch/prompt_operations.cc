#include "batch/prompt_operations.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch/line_call.h"
#include "batch/prompt_request.h"
#include "batch/upload.h"
#include "proxy/routing.h"
#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr Duration look_again = std::chrono::milliseconds(50);

// The prompts of one request, on behalf of its key.
class Prompts {
 public:
  Prompts(Call& call, LinePlaces& places, PromptRequest request)
      : call_(call),
        loop_(call.loop()),
        request_(std::move(request)),
        owner_(owner_of(call)),
        strict_(call.is_strict()),
        deadline_(deadline_after(call.request().head_at,
                                 call.current()->snapshot->config.timeouts.total)),
        answers_(request_.prompts.size()),
        sharer_(places),
        changed_(loop_.io.timers.run_queue()),
        tasks_(loop_.io.timers.run_queue()) {}

  [[nodiscard]] Task<void> run() {
    while (done_ < answers_.size()) {
      while (next_ < answers_.size() && sharer_.free())
        tasks_.spawn(answer(next_++));
      if (done_ == answers_.size()) break;
      co_await Wait(loop_.io.timers, changed_, loop_.io.timers.now() + look_again);
    }
    co_await send();
  }

 private:
  [[nodiscard]] Task<void> answer(std::size_t index) {
    const BatchConfig& config = call_.current()->snapshot->config.batch;
    LineRetry retry({config.attempts, config.backoff, config.backoff_max});
    std::optional<TimePoint> nobody_since;
    while (true) {
      {
        const LinePlaces::Place place(sharer_);
        const std::string body = request_.body(index);
        const LineQuestion question{owner_, Operation::chat_completions, body, request_.backend,
                                    strict_};
        LineAnswer answer = co_await ask_line(loop_, question);
        answers_[index] = std::move(answer);
      }
      LineAnswer& answered = answers_[index];
      const auto again =
          retry.after({answered.status, answered.asked, answered.retry_after, answered.unsettled},
                      loop_.random);
      const TimePoint now = loop_.io.timers.now();
      if (!answered.nobody) {
        nobody_since.reset();
      } else if (!nobody_since) {
        nobody_since = now;
      }
      if (!again || now + *again >= patient_until(nobody_since)) break;
      co_await SleepUntil(loop_.io.timers, loop_.io.timers.now() + *again);
      while (!sharer_.free()) {
        co_await Wait(loop_.io.timers, changed_, loop_.io.timers.now() + look_again);
      }
    }
    ++done_;
    changed_.signal_all();
  }

  // Whoever asks waits for the answer, but not for ever; and not so long for nobody.
  [[nodiscard]] TimePoint patient_until(std::optional<TimePoint> nobody_since) const {
    if (!nobody_since) return deadline_;
    const Duration queue = call_.current()->snapshot->config.timeouts.queue;
    return std::min(deadline_, deadline_after(*nobody_since, queue));
  }

  // The one that has answered all, if it is one; each answer names its own.
  [[nodiscard]] std::string backend() const {
    std::string_view all;
    for (const LineAnswer& answer : answers_) {
      if (answer.backend.empty()) continue;
      if (!all.empty() && answer.backend != all) return "null";
      all = answer.backend;
    }
    return all.empty() ? "null" : json_quoted(all);
  }

  [[nodiscard]] Task<void> send() {
    std::string tail =
        R"(],"count":)" + std::to_string(answers_.size()) + R"(,"backend":)" + backend() + "}";
    Body body;
    bool room = body.append(loop_.bodies, R"({"results":[)");
    for (LineAnswer& answer : answers_) {
      const Body taken = std::move(answer.body);
      if (&answer != &answers_.front()) room = room && body.append(loop_.bodies, ",");
      room = room && append_result(body, result_of(answer.status, taken.text()), answer);
    }
    room = room && body.append(loop_.bodies, tail);
    if (!room) {
      call_.send_error({ErrorCode::overloaded, {}}, "retry-after: 1\r\n");
      co_return;
    }
    std::string lines = call_.common_lines();
    append_header(lines, "content-type", "application/json");
    const std::string_view piece = body.text();
    call_.response().send(200, lines, {&piece, 1});
    call_.close_account(Outcome::ok, Blame::none);
    co_await call_.response().drained(call_.taken_by());
  }

  // What a translation has lost is a last member.
  [[nodiscard]] bool append_result(Body& body, std::string_view result, const LineAnswer& answer) {
    const bool has_members = result.contains('"');
    if (answer.translation.empty() || !has_members) return body.append(loop_.bodies, result);
    result.remove_suffix(1);
    return body.append(loop_.bodies, result) &&
           body.append(loop_.bodies, R"(,"_translation":)" + json_quoted(answer.translation) + "}");
  }

  // A refusal is an object with `error` already, in whatever words.
  [[nodiscard]] static std::string_view result_of(int status, std::string_view body) {
    const auto json = parse_json(body);
    const bool usable =
        json && json->kind == JsonKind::object && (status < 400 || json_find(json->text, "error"));
    return usable ? json->text
                  : R"({"error":{"message":"the answer is not readable","type":"server_error"}})";
  }

  Call& call_;
  LoopState& loop_;
  const PromptRequest request_;  // views into the request's body
  const std::string owner_;
  const bool strict_;  // a prompt that a backend can not be told all of is refused
  const TimePoint deadline_;
  std::vector<LineAnswer> answers_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  LinePlaces::Sharer sharer_;
  WaitSlot changed_;
  TaskGroup tasks_;
};

Task<void> answer_prompts(Call& call, LinePlaces& places) {
  auto request = read_prompt_request(call.request().body.text());
  if (!request) {
    call.send_error(request.error());
    co_return;
  }
  const auto hinted = add_hint(call, request->backend);
  if (!hinted) {
    call.send_error(hinted.error());
    co_return;
  }
  Prompts prompts(call, places, *std::move(request));
  co_await prompts.run();
}

}  // namespace

void add_prompt_operations(Operations& operations, LinePlaces& places) {
  operations.add({Method::post, "/v1/batch/prompts", Operation::batch_prompts,
                  [&places](Call& call) { return answer_prompts(call, places); }});
}

}  // namespace rocket
