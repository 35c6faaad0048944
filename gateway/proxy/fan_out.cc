#include "proxy/fan_out.h"

#include <algorithm>
#include <utility>

#include "proxy/error_response.h"
#include "proxy/exchange.h"
#include "proxy/passed_headers.h"
#include "wire/http_writer.h"
#include "wire/json.h"
#include "wire/response_parser.h"
#include "wire/sse.h"

namespace rocket {
namespace {

// An exchange writes its own head, which holds our lines and those that are passed on.
HttpLimits head_limits(const LimitsConfig& limits) {
  return {2 * limits.header_bytes.bytes, 2 * limits.headers, limits.target_bytes.bytes};
}

}  // namespace

// One of the choices, with its exchange, whose client this is: of a stream it takes an event when
// the client can, of a whole answer everything at once.
class FanOut::Choice final : public ByteStream {
 public:
  Choice(FanOut& fan, std::uint32_t index)
      : ByteStream(fan.loop_.io.timers),
        fan_(fan),
        part_{fan.plan_.request, fan.plan_.route, index},
        response_(*this, RequestHead{}, false, Duration::max()),
        call_(fan.call_, part_, response_),
        parser_(head_limits(call_.current()->snapshot->config.limits)),
        events_(call_.current()->snapshot->config.limits.event_bytes.bytes) {}

  [[nodiscard]] Task<void> run() {
    Exchange exchange(call_);
    co_await exchange.run();
    ended_ = true;
    fan_.woken_.signal_one();
  }
  // The client takes something again.
  void resume() { set_writable(); }

  [[nodiscard]] std::uint32_t index() const { return part_.index; }
  [[nodiscard]] const Account& account() const { return call_.account(); }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool lost() const { return ended_ && (fault_ || account().outcome != Outcome::ok); }
  [[nodiscard]] const ResponseHead& head() const { return parser_.head(); }
  // Of a whole answer, or of an error instead of a stream.
  [[nodiscard]] std::string_view body() const { return body_.text(); }
  void drop_body() { body_ = Body(); }
  // What was wrong here, not with its exchange.
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }
  // What its stream has ended with; empty: no error.
  [[nodiscard]] const std::string& error_event() const { return error_event_; }

  [[nodiscard]] IoResult try_read(std::span<char>) override { return IoResult::would_block(); }
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces) override {
    if (fan_.plan_.reply.blocked()) {
      writable_ = false;
      return IoResult::would_block();
    }
    size_t bytes = 0;
    for (const iovec& piece : pieces) {
      const auto taken = take({static_cast<const char*>(piece.iov_base), piece.iov_len});
      if (!taken) {
        fault_ = taken.error();
        return IoResult::failed();
      }
      bytes += piece.iov_len;
    }
    fan_.pass_on();
    return IoResult::done(bytes);
  }
  [[nodiscard]] std::string peer() const override { return {}; }

 private:
  [[nodiscard]] Result<void> take(std::string_view bytes) {
    while (!bytes.empty() && parser_.state() != ResponseParser::State::complete) {
      const auto fed = parser_.feed(bytes);
      if (!fed) return std::unexpected(fed.error());
      for (const std::string_view piece : parser_.body()) {
        const auto taken = take_body(piece);
        if (!taken) return taken;
      }
      bytes.remove_prefix(*fed);
    }
    return {};
  }

  [[nodiscard]] Result<void> take_body(std::string_view bytes) {
    if (!part_.request.stream || parser_.head().status != 200) {
      if (body_.append(fan_.loop_.bodies, bytes)) return {};
      return fail(ErrorCode::overloaded);
    }
    if (!std::exchange(begun_, true)) fan_.note_begun(*this);
    return events_.feed(bytes, [&](const SseEvent& event) {
      if (!fan_.streams_.take(part_.index, event.data, fan_.out_)) error_event_ = event.raw;
    });
  }

  FanOut& fan_;
  Call::Part part_;
  ResponseWriter response_;
  Call call_;
  ResponseParser parser_;
  SseSplitter events_;
  Body body_;
  std::string error_event_;
  std::optional<Error> fault_;
  bool begun_ = false;
  bool ended_ = false;
};

FanOut::FanOut(Call& call, const Plan& plan)
    : call_(call),
      loop_(call.loop()),
      plan_(plan),
      woken_(loop_.io.timers.run_queue()),
      streams_(plan.request.choices, plan.request.usage_asked),
      tasks_(loop_.io.timers.run_queue()) {}

// What is known of the attempts goes into the account also where the client has gone, and what it
// was told has been worked for.
FanOut::~FanOut() {
  tasks_.cancel_all();
  if (begun_ != 0) count_tokens();
  Duration queue{};
  for (const auto& one : choices_) {
    queue = std::max(queue, one->account().queue);
    name_endpoint(*one);
  }
  call_.account().queue += queue;
  call_.account().attempts = attempts();
}

Task<void> FanOut::run() {
  start();
  while (lost() == nullptr && !all_ended()) {
    const bool alive = co_await wait();
    if (!alive) co_return;
  }
  if (const Choice* const one = lost()) {
    tasks_.cancel_all();
    co_await answer_failure(*one);
  } else if (plan_.request.stream) {
    co_await end_stream();
  } else {
    co_await answer_whole();
  }
}

void FanOut::start() {
  for (std::uint32_t i = 0; i < plan_.request.choices; ++i)
    choices_.push_back(std::make_unique<Choice>(*this, i));
  for (const auto& one : choices_) {
    tasks_.spawn(one->run());
    if (lost() != nullptr) break;
  }
  call_.note_gateway_time();
}

const FanOut::Choice* FanOut::lost() const {
  const auto found = std::ranges::find_if(choices_, [](const auto& one) { return one->lost(); });
  return found == choices_.end() ? nullptr : found->get();
}

bool FanOut::all_ended() const {
  return std::ranges::all_of(choices_, [](const auto& one) { return one->ended(); });
}

// For something to happen. False: the client is gone.
Task<bool> FanOut::wait() {
  StreamReply& reply = plan_.reply;
  bool alive = true;
  if (reply.blocked()) {
    alive = co_await reply.drained(plan_.deadline);
    resume_all();
    co_return alive;
  }
  const TimePoint beat = plan_.request.stream ? reply.next_beat() : never;
  const Wake wake = co_await Wait(loop_.io.timers, woken_, beat);
  if (wake == Wake::timed_out && !reply.blocked() && now() >= reply.next_beat()) {
    alive = co_await reply.beat(plan_.waiting_lines);
    resume_all();
  }
  co_return alive;
}

void FanOut::resume_all() {
  for (const auto& one : choices_)
    one->resume();
}

// The head names who is heard of first. Once all have begun nothing is asked any more.
void FanOut::note_begun(const Choice& choice) {
  if (++begun_ == 1) {
    name_endpoint(choice);
    call_.account().first_token = now() - call_.request().head_at;
    std::string lines = call_.common_lines();
    append_header(lines, "content-type", stream_content_type(call_.dialect));
    lines += lines_of(choice);
    plan_.reply.begin(lines);
  }
  if (begun_ == choices_.size()) call_.drop_request();
}

void FanOut::pass_on() {
  if (out_.empty()) return;
  const std::string_view piece = out_;
  plan_.reply.send({&piece, 1}, false);
  out_.clear();
  if (plan_.reply.blocked()) woken_.signal_one();
}

Task<void> FanOut::answer_whole() {
  std::vector<std::string_view> answers;
  for (const auto& one : choices_)
    answers.push_back(one->body());
  JoinedChoices joined;
  auto good = joined.join(answers);
  Body body;
  for (const std::string_view piece : joined.pieces()) {
    if (good && !body.append(loop_.bodies, piece)) good = fail(ErrorCode::overloaded);
  }
  for (const auto& one : choices_)
    one->drop_body();
  if (!good) {
    send_error(good.error());
    co_await call_.response().drained(call_.taken_by());
    co_return;
  }
  name_endpoint(*choices_.front());
  std::string lines = call_.common_lines();
  append_header(lines, "content-type", "application/json");
  lines += lines_of(*choices_.front());
  const std::string_view piece = body.text();
  call_.response().send(200, lines, {&piece, 1});
  count_tokens();
  // Held meanwhile, as it is for other answers.
  const Duration write_time = call_.current()->snapshot->config.limits.write_time;
  const bool alive = co_await call_.response().drained(
      std::max(plan_.deadline, deadline_after(now(), write_time)));
  if (alive) call_.close_account(Outcome::ok, Blame::none);
}

Task<void> FanOut::end_stream() {
  for (const auto& one : choices_) {
    const Usage usage = one->account().usage.value_or(Usage{});
    streams_.count(one->index(),
                   {.input = usage.in, .cache_read = usage.cached, .output = usage.out});
  }
  bool alive = true;
  if (plan_.reply.blocked()) alive = co_await plan_.reply.drained(plan_.deadline);
  if (!alive) co_return;
  streams_.finish(out_);
  const std::string_view piece = out_;
  plan_.reply.send({&piece, 1}, true);
  alive = co_await plan_.reply.drained(plan_.deadline);
  if (!alive) co_return;
  count_tokens();
  call_.close_account(Outcome::ok, Blame::none);
}

// What one is told instead of an answer, the client is told of all.
Task<void> FanOut::answer_failure(const Choice& lost) {
  name_endpoint(lost);
  if (plan_.reply.begun()) {
    co_await break_stream(lost);
    co_return;
  }
  if (lost.head().status < 400) {
    send_error(lost.fault().value_or(Error{ErrorCode::total_timeout, {}}));
  } else {
    call_.send_json(lost.head().status, lost.body(), lines_of(lost));
    call_.close_account(Outcome::error, lost.account().blame);
  }
  co_await call_.response().drained(call_.taken_by());
}

Task<void> FanOut::break_stream(const Choice& lost) {
  if (begun_ != 0) count_tokens();
  const auto& fault = lost.fault();
  call_.close_account(Outcome::cut, fault ? meaning_of(fault->code).blame : lost.account().blame);
  if (plan_.reply.blocked()) {
    const bool alive = co_await plan_.reply.drained(plan_.deadline);
    if (!alive) co_return;
  }
  co_await plan_.reply.break_off(last_words(lost));
}

// Those of its stream, or as an event what it was told instead of one.
std::string FanOut::last_words(const Choice& lost) const {
  if (!lost.error_event().empty()) return lost.error_event();
  const auto error = lost.head().status < 400 ? std::nullopt : json_find(lost.body(), "error");
  if (error) {
    std::string words = "data: {\"error\":" + std::string(error->text) + "}";
    std::ranges::replace_if(words, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return words + "\n\n";
  }
  const Error own = lost.fault().value_or(Error{ErrorCode::total_timeout, {}});
  return write_error_event(call_.dialect, told(own, call_.id()));
}

void FanOut::send_error(const Error& error) {
  std::string lines;
  append_header(lines, "x-rocket-attempts", std::to_string(attempts()));
  call_.send_error(error, lines);
}

// What its exchange has said in its head, and that it was not the only one.
std::string FanOut::lines_of(const Choice& choice) const {
  const HeaderList& headers = choice.head().headers;
  std::string lines;
  for (const std::string_view name :
       {"x-rocket-backend", "x-rocket-endpoint", "x-rocket-warning", "retry-after"}) {
    if (const auto value = headers.find(name)) append_header(lines, name, *value);
  }
  append_header(lines, "x-rocket-attempts", std::to_string(attempts()));
  if (headers.find("x-rocket-endpoint")) {
    std::string translation(headers.find("x-rocket-translation").value_or(""));
    if (!translation.empty()) translation += ',';
    append_header(lines, "x-rocket-translation", translation + "emulated=n");
  }
  append_passed_answer_headers(lines, headers, call_.upstream_limits());
  return lines;
}

// Those that were made for all of it together.
unsigned FanOut::attempts() const {
  unsigned all = call_.account().attempts;
  for (const auto& one : choices_)
    all += one->account().attempts;
  return all;
}

// As long as the client has not been told of one, that of any.
void FanOut::name_endpoint(const Choice& choice) {
  if (endpoint_named_ || choice.account().endpoint.empty()) return;
  endpoint_named_ = true;
  call_.account().backend = choice.account().backend;
  call_.account().endpoint = choice.account().endpoint;
  call_.account().model = choice.account().model;
}

// What was worked for it, as far as that was told; the client is told otherwise (schema/choices).
void FanOut::count_tokens() {
  Usage all;
  bool told = false;
  for (const auto& one : choices_) {
    const auto& usage = one->account().usage;
    if (!usage) continue;
    told = true;
    all.in += usage->in;
    all.out += usage->out;
    all.cached += usage->cached;
  }
  if (told) call_.account().usage = all;
}

}  // namespace rocket
