#include "proxy/exchange.h"

#include <algorithm>
#include <utility>

#include "policy/hedge.h"
#include "proxy/error_response.h"
#include "proxy/fan_out.h"
#include "proxy/key_use.h"
#include "proxy/passed_headers.h"
#include "proxy/relay.h"
#include "proxy/routing.h"
#include "schema/token_estimate.h"
#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {

Exchange::Exchange(Call& call)
    : call_(call),
      loop_(call.loop()),
      current_(call.current()),
      config_(current_->snapshot->config),
      dialog_(call, request_),
      reply_(call.response(), loop_.io.timers, call.dialect, call.heartbeat()),
      common_{.call = call,
              .current = *current_,
              .dialog = dialog_,
              .deadline = deadline_after(call.request().head_at, config_.timeouts.total),
              .breaker = breaker_settings(config_.breaker),
              .reply = nullptr},
      chooser_(call, *current_, route_),
      retry_({.attempts = config_.retry.attempts,
              .backoff = config_.retry.backoff,
              .backoff_max = config_.retry.backoff_max}),
      aftermath_(loop_.io.timers, common_.breaker, config_.retry.retry_after_max) {}

Task<void> run_exchange(Call& call) {
  if (call.current()->router->awaits_models()) {
    co_await await_models(call);
  }
  Exchange one(call);
  co_await one.run();
}

Task<void> Exchange::run() {
  call_.open_receipt();
  const auto ready = prepare();
  if (!ready) {
    last_ = ready.error();
    co_await answer_failure();
    co_return;
  }
  while (true) {
    if (std::exchange(media_due_, false)) {
      auto fetched = co_await dialog_.fetch_media(route_, common_.deadline);
      if (!fetched && chooser_.tried().empty()) last_ = std::move(fetched.error());
      launch_at_ = route_.candidates.empty() ? never : now();
    }
    if (launch_at_ <= now()) seek();
    if (seeking_ && !entrance_->waits()) launch();
    if (media_due_) continue;
    if (fans_out_) {
      co_await fan_out();
      co_return;
    }
    if (race_.empty() && launch_at_ == never && !seeking_) break;
    const TimePoint beat = common_.reply != nullptr ? reply_.next_beat() : never;
    if (seeking_) {
      const TimePoint until =
          std::min(deadline_after(sought_at_, config_.timeouts.queue), common_.deadline);
      co_await entrance_->until_started(std::min(until, beat));
      if (entrance_->waits() && now() >= until) give_up_seeking({ErrorCode::no_place, {}});
    } else {
      const TimePoint wake_at = std::min(std::min(launch_at_, hedge_at_), beat);
      co_await race_.wait(loop_.io.timers, wake_at);
    }
    if (auto ended = race_.take_ended()) {
      auto result = ended->take_result();
      if (result) {
        entrance_->give_up();
        race_.call_off(now(), ended.get());
        co_await answer(*ended);
        co_return;
      }
      if (result.error().code == ErrorCode::client_gone) co_return;
      judge(std::move(ended), result.error());
    } else if (now() >= hedge_at_) {
      hedge();
    } else if (now() >= beat) {
      const bool alive = co_await reply_.beat(waiting_lines_);
      if (!alive) co_return;
    }
  }
  co_await answer_failure();
}

Result<void> Exchange::prepare() {
  auto routed = find_route(call_);
  if (!routed) return std::unexpected(std::move(routed.error()));
  request_ = std::move(routed->request);
  route_ = std::move(routed->route);
  call_.account().route = route_.name;
  note_model({});
  const auto lane = call_.lane();
  if (!lane) return std::unexpected(lane.error());
  if (Receipt* const receipt = call_.receipt()) receipt->streamed = request_.stream;
  const auto opened = dialog_.open(route_, *current_->snapshot);
  if (!opened) return opened;
  const auto fit = chooser_.require(
      {request_, call_.request().body.text(), dialog_.earlier(), dialog_.has_earlier_images()},
      call_.key_scope());
  if (!fit) return fit;
  chooser_.keep_session(call_.request().head.headers.find("x-rocket-session").value_or(""));
  const auto taken = call_.take_limits();
  if (!taken) return taken;
  entrance_.emplace(loop_, *current_, route_, chooser_,
                    Entrance::Who{*lane, call_.key(), request_.stream});
  current_->snapshot->retry_budget->deposit();
  for (const Candidate* candidate : route_.candidates)
    current_->snapshot->backends[candidate->backend].retry_budget->deposit();
  if (request_.stream) {
    common_.reply = &reply_;
    waiting_lines_ = call_.common_lines();
    append_header(waiting_lines_, "content-type", stream_content_type(call_.dialect));
  }
  media_due_ = dialog_.wants_media(*route_.candidates.front());
  return {};
}

void Exchange::seek() {
  launch_at_ = never;
  if (next_ == NextStep::give_up) return;
  if (now() >= common_.deadline) {
    // Whoever is asked now can not be heard any more, and would look as if he had not answered.
    next_ = NextStep::give_up;
    if (chooser_.tried().empty()) last_ = {ErrorCode::total_timeout, {}};
    return;
  }
  sought_at_ = now();
  seeking_ = true;
  const auto sought = entrance_->seek(config_.timeouts.queue);
  if (!sought) give_up_seeking(sought.error());
}

// What an attempt has failed with says more than that there was no place for another.
void Exchange::give_up_seeking(Error why) {
  entrance_->give_up();
  seeking_ = false;
  call_.account().queue += now() - sought_at_;
  next_ = NextStep::give_up;
  if (chooser_.tried().empty()) last_ = std::move(why);
}

void Exchange::launch() {
  seeking_ = false;
  call_.account().queue += now() - sought_at_;
  auto found = entrance_->take();
  const bool first = chooser_.tried().empty();
  if (!found) {
    if (first) last_ = chooser_.why_nobody();
    return;
  }
  if (dialog_.wants_media(*found->chosen.target.candidate)) {
    // The place is given back: who waits for a file is not to keep others from being answered.
    media_due_ = true;
    return;
  }
  if (first) loop_.admission.observe(entrance_->lane(), call_.account().queue);
  const Chooser::Chosen& chosen = found->chosen;
  const bool free = first || (retry_.next_is_free() && !chosen.trial && !chosen.last_resort);
  if (!free && !may_spend(*chosen.target.candidate)) return;
  if (!first) {
    const BackendMetrics& metrics = *current_->metrics[chosen.target.candidate->backend];
    if (chooser_.tried().back().candidate->backend == chosen.target.candidate->backend) {
      metrics.count_retry();
    } else {
      metrics.count_failover();
    }
  }
  start(*std::move(found));
}

void Exchange::hedge() {
  if (is_in_time()) return;
  auto found = entrance_->company(race_.is_forsaken(now(), std::max(late_after_, look_interval)));
  if (entrance_->seeks_company()) hedge_at_ = deadline_after(now(), turn_interval);
  if (!found) return;
  const Candidate& candidate = *found->chosen.target.candidate;
  if (dialog_.wants_media(candidate)) return;
  RunningAttempt* const hopeless =
      race_.find([&](RunningAttempt& one) { return one.is_hopeless(now()); });
  // Loading takes longer than waiting for who is only late, until that has taken as long as loading
  // may. So does beginning again, always.
  const auto as_long = [&](RunningAttempt& one) {
    return now() - one.started_at() >= config_.timeouts.load;
  };
  const bool loads = found->chosen.cold && race_.find(as_long) == nullptr;
  const bool longer = loads || asks_one_by_one(*found);
  if ((race_.full() || longer) && hopeless == nullptr) return;
  // What waits at an endpoint that has turned out dead is moved like what has failed there.
  const bool moved = hopeless != nullptr && std::exchange(may_move_, false);
  if (!moved && !may_spend(candidate)) return;
  if (race_.full()) race_.call_off_hopeless(*hopeless, now());
  current_->metrics[candidate.backend]->count_hedge();
  start(*std::move(found));
}

// Both buckets have one to give, or neither gives any.
bool Exchange::may_spend(const Candidate& candidate) const {
  const auto& overall = current_->snapshot->retry_budget;
  if (!overall->try_spend(now())) return false;
  if (current_->snapshot->backends[candidate.backend].retry_budget->try_spend(now())) return true;
  overall->refund();
  return false;
}

bool Exchange::asks_one_by_one(const Entrance::Found& found) const {
  const size_t backend = found.chosen.target.candidate->backend;
  return dialog_.asks_one_by_one(current_->snapshot->backends[backend]);
}

// Those that have been tried have failed for all choices; who has been found is not among them.
Task<void> Exchange::fan_out() {
  race_.call_off(now());
  entrance_.reset();
  dialog_.close();
  for (const RunningAttempt::Target& tried : chooser_.tried())
    std::erase(route_.candidates, tried.candidate);
  FanOut fan(call_, {request_, route_, reply_, waiting_lines_, common_.deadline});
  co_await fan.run();
}

void Exchange::start(Entrance::Found found) {
  if (asks_one_by_one(found)) {
    fans_out_ = true;
    return;
  }
  const RunningAttempt::Target& target = found.chosen.target;
  const Backend& backend = current_->snapshot->backends[target.candidate->backend];
  Endpoint& endpoint = *backend.endpoints[target.endpoint];
  chooser_.remember(target);
  call_.account().backend = backend.name;
  call_.account().endpoint = endpoint.id;
  note_model(target.candidate->model);
  // Somebody else may have taken the last trial meanwhile; then this is one more, which does no
  // harm.
  Trial trial;
  if (found.chosen.trial && endpoint.breaker.take_trial(now())) trial = Trial(endpoint.breaker);
  auto attempt = std::make_unique<RunningAttempt>(common_, target, std::move(found.permit),
                                                  std::move(trial), found.chosen.cold);
  attempt->start(false);
  schedule_hedge(*attempt);
  race_.add(std::move(attempt));
}

// When the attempt that has just been started will be late.
void Exchange::schedule_hedge(RunningAttempt& running) {
  hedge_at_ = never;
  if (!config_.hedge.on) return;
  late_after_ = patience_with(running);
  expect_within(late_after_);
  running.expect_within(late_after_, look_interval);
}

// A sibling in the same backend is asked sooner than another backend. One that loads has its own
// time; what others took says nothing about it.
Duration Exchange::patience_with(RunningAttempt& running) {
  // Loading may take that long; or it has fallen silent, which nobody can tell from outside.
  if (running.plan().cold) return config_.timeouts.first_token;
  const Candidate& candidate = *running.target().candidate;
  const auto p95 = chooser_.pace_of(candidate).p95({request_.stream, call_.request().body.size()});
  const HedgeSettings settings{config_.hedge.min, config_.timeouts.first_token};
  return hedge_delay(p95, chooser_.has_good_sibling(candidate), settings);
}

// How long requests of its sort take may not have been known yet when it was sent.
void Exchange::learn_patience() {
  if (late_after_ < config_.timeouts.first_token) return;
  RunningAttempt* const oldest = race_.find([](RunningAttempt&) { return true; });
  if (oldest == nullptr) return;
  late_after_ = patience_with(*oldest);
  late_at_ = std::min(late_at_, deadline_after(oldest->started_at(), late_after_));
}

void Exchange::judge(std::unique_ptr<RunningAttempt> attempt, const Error& error) {
  last_ = about_backend(attempt->plan().backend.name, error);
  const Blame blame = meaning_of(last_.code).blame;
  AttemptReport report = attempt->attempt().report(last_.code);
  // At an endpoint in disgrace nothing is taken for bad luck.
  report.reused &= attempt->plan().endpoint.breaker.standing(now()).state == BreakerState::closed;
  next_ = retry_.after(report);
  if (next_ == NextStep::same_endpoint) {
    // Its server closed the pooled connection just then: nothing is held against it.
    attempt->start(true);
    race_.add(std::move(attempt));
    return;
  }
  aftermath_.hold_against(*attempt, last_);
  if (const auto wait = aftermath_.unheeded()) chooser_.note_refusal(*attempt, *wait);
  attempt->close(Outcome::error, blame);
  if (!race_.empty()) {
    // The one that is late still runs: instead of its failed companion another may help it.
    const bool helped = next_ == NextStep::next_endpoint && config_.hedge.on;
    if (!helped) entrance_->give_up();
    late_at_ = hedge_at_ = helped ? now() : never;
    return;
  }
  hedge_at_ = never;
  entrance_->give_up();
  if (next_ == NextStep::next_endpoint) {
    launch_at_ = deadline_after(now(), retry_.pause(loop_.random));
  }
}

// What is asked of somebody; empty: the client's own word.
void Exchange::note_model(const std::string& asked) {
  const std::string_view model = asked.empty() ? route_.name : std::string_view(asked);
  call_.account().model = model;
  if (Receipt* const receipt = call_.receipt()) receipt->set_model(model);
}

Task<void> Exchange::answer(RunningAttempt& running) {
  const AttemptPlan& plan = running.plan();
  Attempt& attempt = running.attempt();
  answering_ = running.target().candidate->backend;
  call_.account().backend = plan.backend.name;
  call_.account().endpoint = plan.endpoint.id;
  note_model(running.target().candidate->model);
  if (attempt.head().status >= 400) {
    plan.endpoint.breaker.record_success(running.started_at(), now());
    running.close(Outcome::error, Blame::client);
    running.give_place_back();
    co_await answer_refusal(running);
    co_return;
  }
  const size_t prompt_characters = request_.prompt_end - request_.prompt_begin;
  chooser_.note_room(running.target(), attempt.head().headers, about_tokens(prompt_characters));
  const ModelPace::Sort sort{request_.stream, call_.request().body.size()};
  // How long loading takes says nothing about the pace.
  if (!plan.cold) {
    chooser_.pace_of(*running.target().candidate)
        .record(sort, running.target().endpoint, now() - running.started_at(), now());
  }
  if (plan.reply == nullptr) {
    plan.endpoint.breaker.record_success(running.started_at(), now());
    running.close(Outcome::ok, Blame::none);
    running.give_place_back();
    co_await answer_whole(running);
    co_return;
  }
  plan.endpoint.breaker.record_begun(running.started_at(), now());
  const auto relayed = co_await answer_stream(running);
  if (relayed) {
    plan.endpoint.breaker.record_success(running.started_at(), now());
    running.close(Outcome::ok, Blame::none);
  } else if (relayed.error().code != ErrorCode::client_gone) {
    aftermath_.hold_against(running, relayed.error());
    running.close(Outcome::cut, meaning_of(relayed.error().code).blame, relayed.error().code);
  }
}

Task<void> Exchange::answer_whole(RunningAttempt& running) {
  Attempt& attempt = running.attempt();
  Interpreter& interpreter = attempt.interpreter();
  const std::string_view mark =
      config_.mark_backend ? running.plan().backend.name : std::string_view();
  const std::vector<std::string_view> pieces = interpreter.whole(mark);
  std::string lines = answer_lines(running, "application/json");
  append_passed_answer_headers(lines, attempt.head().headers, call_.upstream_limits());
  dialog_.keep(interpreter);
  call_.response().send(attempt.head().status, lines, pieces);
  if (const auto usage = interpreter.whole_usage()) running.count_tokens(*usage);
  AnswerReader::release(attempt.take_reader(), loop_.io, loop_.read_offs);
  if (call_.response().blocked()) {
    // The body is held meanwhile: a client that takes it drop by drop has no longer than others.
    const TimePoint taken_by = std::max(
        common_.deadline, deadline_after(loop_.io.timers.now(), config_.limits.write_time));
    const bool alive = co_await call_.response().drained(taken_by);
    if (!alive) co_return;
  }
  call_.close_account(Outcome::ok, Blame::none);
}

// The upstream's words are the client's to read, as they are if they are a proper error in its
// dialect and fit to be shown, else put into one.
Task<void> Exchange::answer_refusal(RunningAttempt& running) {
  const AttemptPlan& plan = running.plan();
  Attempt& attempt = running.attempt();
  const int status = attempt.head().status;
  const std::string& secret = plan.endpoint.api_key;
  const std::string message = read_upstream_error(attempt.body());
  const auto body = parse_json(attempt.body());
  const bool proper = !running.translated() && body && is_error_body(call_.dialect, body->text) &&
                      !reveals(body->text, secret) && !reveals(message, secret);
  const std::string words =
      message.empty() ? " answered " + std::to_string(status) : ": " + scrubbed(message, secret);
  const Error refusal{ErrorCode::invalid_field, plan.backend.name + words};
  ToldError told_refusal = told(refusal, call_.id());
  told_refusal.status = status;
  told_refusal.code = {};  // what its own says nobody knows here, and ours would be a guess
  if (reply_.begun()) {
    co_await reply_.break_off(write_error_event(call_.dialect, told_refusal));
    call_.close_account(Outcome::cut, Blame::client);
    co_return;
  }
  std::string lines = answer_lines(running, {});
  append_passed_answer_headers(lines, attempt.head().headers, call_.upstream_limits());
  const std::string own_words =
      proper ? std::string() : write_error_body(call_.dialect, told_refusal);
  call_.send_json(status, proper ? body->text : std::string_view(own_words), lines);
  call_.close_account(Outcome::error, Blame::client);
  AnswerReader::release(attempt.take_reader(), loop_.io, loop_.read_offs);
  co_await call_.response().drained(call_.taken_by());
}

Task<Result<void>> Exchange::answer_stream(RunningAttempt& running) {
  Attempt& attempt = running.attempt();
  const TimePoint first_token_at = loop_.io.timers.now();
  const Duration first_token = first_token_at - call_.request().head_at;
  call_.account().first_token = first_token;
  const ModelMetrics& metrics = current_->metrics[answering_]->model(call_.account().model);
  metrics.first_token.observe(first_token);

  begin_stream(running);
  running.count_at_end();
  Relay relay(running.plan(), attempt);
  const auto relayed = co_await relay.run();

  if (relayed) {
    const auto tokens_out = attempt.interpreter().usage().out;
    if (tokens_out > 1) {
      metrics.output_token.observe((loop_.io.timers.now() - first_token_at) / (tokens_out - 1));
    }
    call_.close_account(Outcome::ok, Blame::none);
    AnswerReader::release(attempt.take_reader(), loop_.io, loop_.read_offs);
  } else if (relayed.error().code != ErrorCode::client_gone) {
    // The client has read part of an answer. Another endpoint would begin a different one, so
    // the only honest reply from here is an error event.
    call_.close_account(Outcome::cut, meaning_of(relayed.error().code).blame);
    const Error last = about_backend(running.plan().backend.name, relayed.error());
    co_await reply_.break_off(attempt.interpreter().last_words(told(last, call_.id())));
  }
  co_return relayed;
}

// What only the time before the commit needed goes: streams last, and may be many.
void Exchange::begin_stream(RunningAttempt& running) {
  std::string lines = answer_lines(running, stream_content_type(call_.dialect));
  const HeaderList& headers = running.attempt().head().headers;
  append_passed_answer_headers(lines, headers, call_.upstream_limits());
  reply_.begin(lines);
  running.drop_request();
  dialog_.close();
  call_.drop_request();
  std::string().swap(waiting_lines_);
}

Task<void> Exchange::answer_failure() {
  if (reply_.begun()) {
    call_.close_account(Outcome::cut, meaning_of(last_.code).blame);
    co_await reply_.break_off(write_error_event(call_.dialect, told(last_, call_.id())));
    co_return;
  }
  std::string lines;
  if (!chooser_.tried().empty()) {
    append_header(lines, "x-rocket-attempts", std::to_string(call_.account().attempts));
  }
  const int status = meaning_of(last_.code).status;
  if (status == 429 || status == 503) {
    const bool turned_away =
        last_.code == ErrorCode::overloaded || last_.code == ErrorCode::no_place;
    const Duration wait = turned_away && entrance_ ? loop_.admission.expected_wait(*entrance_)
                                                   : call_.limits_wait().value_or(chooser_.wait());
    append_header(lines, "retry-after", std::to_string(whole_seconds(wait)));
  }
  call_.send_error(last_, lines);
  co_await call_.response().drained(call_.taken_by());
}

std::string Exchange::answer_lines(RunningAttempt& running, std::string_view content_type) const {
  const AttemptPlan& plan = running.plan();
  std::string lines;
  // send_json writes its own.
  if (!content_type.empty()) {
    lines = call_.common_lines();
    append_header(lines, "content-type", content_type);
  }
  append_header(lines, "x-rocket-backend", plan.backend.name);
  append_header(lines, "x-rocket-endpoint", plan.endpoint.id);
  append_header(lines, "x-rocket-attempts", std::to_string(call_.account().attempts));
  const std::string translation = running.translation();
  if (!translation.empty()) append_header(lines, "x-rocket-translation", translation);
  std::string warning = chooser_.warning(running.target());
  add_warning(warning, running.attempt().head().headers, plan.endpoint.api_key);
  if (!warning.empty()) append_header(lines, "x-rocket-warning", warning);
  return lines;
}

}  // namespace rocket
