#include "proxy/chooser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "policy/affinity.h"
#include "policy/headroom.h"
#include "schema/rate_limits.h"
#include "schema/raw_characters.h"

namespace rocket {
namespace {

std::string_view why_chosen(const Chooser::Chosen& chosen) {
  if (chosen.last_resort) return "chosen: nobody better is left";
  if (chosen.trial) return "chosen: a trial";
  if (chosen.cold) return "chosen: loads the model";
  if (chosen.target.candidate->endpoints.size() == 1) return "chosen: the only one";
  return "chosen: the best score";
}

// Without waiting it would be worth asking, but for its places.
bool may_answer(const EndpointView& view, Effort effort) {
  switch (why_not(view)) {
    case Why::not_drawn:
    case Why::cold: return true;
    case Why::disturbs:
    case Why::may_not_fit:
    case Why::near_limit: return effort != Effort::normal;
    case Why::outlier:
    case Why::draining:
    case Why::loading:
    case Why::unhealthy: return effort == Effort::last_resort;
    default: return false;
  }
}

}  // namespace

Result<void> Chooser::require(const Prompt& prompt, const KeyScope& scope) {
  const OpenAiRequest& request = prompt.request;
  std::uint32_t smallest_context = std::numeric_limits<std::uint32_t>::max();
  bool limited = request.context != 0;
  context_asked_ = request.context;
  for (const Candidate* candidate : route_.candidates) {
    limited |= candidate->limited;
    for (size_t i = 0; i < candidate->facts.size(); ++i) {
      const std::uint32_t context = context_of(*candidate, i);
      if (context != 0) smallest_context = std::min(smallest_context, context);
    }
  }
  if (!limited) return {};
  needs_.tools = request.tools;
  needs_.images = request.attachments.images || prompt.earlier_images;
  // What an image comes to is the model's secret.
  if (!needs_.images) count(prompt, smallest_context);
  Lack first = Lack::none;
  for (const Candidate* candidate : route_.candidates) {
    for (size_t i = 0; i < candidate->facts.size(); ++i) {
      const Lack one = lack(*candidate, i);
      if (one == Lack::none || one == Lack::context_maybe) return {};
      if (first == Lack::none) first = one;
    }
  }
  return std::unexpected(why_unfit(first, scope));
}

// All that the model has to read; exactly only if that could be too much.
void Chooser::count(const Prompt& prompt, std::uint32_t smallest_context) {
  const OpenAiRequest& request = prompt.request;
  std::vector<std::string_view> texts{
      prompt.body.substr(request.prompt_begin, request.prompt_end - request.prompt_begin)};
  for (const EarlierResponse& one : prompt.earlier.earlier) {
    texts.push_back(one.input);
    texts.push_back(one.output);
  }
  for (const ReferredItem& one : prompt.earlier.items)
    texts.push_back(one.json);
  std::uint64_t bytes = request.guidance;
  for (const std::string_view text : texts)
    bytes += text.size();
  if (bytes <= characters_that_fit(smallest_context)) return;
  needs_.characters = request.guidance;
  for (const std::string_view text : texts)
    needs_.characters += count_characters(text);
}

// Ollama loads a model with the context that is asked for, at most with that which it has; once it
// is loaded, nobody tells how much that is. Others are not asked for it.
std::uint32_t Chooser::context_of(const Candidate& candidate, size_t i) const {
  const ModelFacts& facts = candidate.facts[i];
  const bool asked =
      context_asked_ != 0 && current_.snapshot->backends[candidate.backend].speaks(Dialect::ollama);
  if (!asked) return facts.context;
  return facts.loaded || facts.context == 0 ? context_asked_
                                            : std::min(context_asked_, facts.context);
}

Lack Chooser::lack(const Candidate& candidate, size_t i) const {
  if (!candidate.limited && context_asked_ == 0) return Lack::none;
  ModelFacts facts = candidate.facts[i];
  facts.context = context_of(candidate, i);
  return lack_of(facts, needs_);
}

std::string Chooser::warning(const RunningAttempt::Target& target) const {
  const Candidate& candidate = *target.candidate;
  const auto place = std::ranges::lower_bound(candidate.endpoints, target.endpoint);
  const auto i = static_cast<size_t>(place - candidate.endpoints.begin());
  if (lack(candidate, i) != Lack::context_maybe) return {};
  return "the prompt has " + std::to_string(needs_.characters) +
         " characters and may not fit into the model's context of " +
         std::to_string(context_of(candidate, i)) + " tokens";
}

Error Chooser::why_unfit(Lack lack, const KeyScope& scope) const {
  const std::string model = "the model '" + std::string(model_of(*route_.candidates[0])) + "'";
  Needs missing;
  std::string detail;
  if (lack == Lack::context) {
    missing.characters = needs_.characters;
    detail = "the prompt has " + std::to_string(needs_.characters) + " characters, too many for " +
             model + ", whose context is " + std::to_string(context_of(*route_.candidates[0], 0)) +
             " tokens; shorten it";
  } else {
    const bool tools = lack == Lack::tools;
    missing.tools = tools;
    missing.images = !tools;
    detail = std::string("the request has ") + (tools ? "`tools`" : "images") + ", and " + model +
             " takes none; leave them out";
  }
  const std::string others = current_.router->who_can(missing, scope);
  detail += others.empty() ? "" : ", or ask one of those that can: " + others;
  return {
      lack == Lack::context ? ErrorCode::context_length_exceeded : ErrorCode::capability_missing,
      std::move(detail)};
}

void Chooser::keep_session(std::string_view session) {
  if (!session.empty()) session_ = hash_of(session);
}

std::optional<Chooser::Chosen> Chooser::choose(Effort effort, bool streamed) {
  for (size_t at = 0; at < route_.candidates.size(); ++at) {
    if (auto chosen = choose_from(at, effort, streamed)) return chosen;
  }
  // Only once nobody is left anywhere who need not be disturbed for it, even if that takes waiting.
  if (effort == Effort::normal && !has_full(Effort::normal)) return choose(Effort::any, streamed);
  return std::nullopt;
}

std::optional<Chooser::Chosen> Chooser::choose_from(size_t at, Effort effort, bool streamed) {
  const Candidate& candidate = *route_.candidates[at];
  std::optional<Pick> pick;
  if (session_ && effort == Effort::normal) pick = pick_home(at, streamed);
  if (!pick) {
    pick = pick_endpoint(
        candidate.endpoints.size(), [&](size_t i) { return view_of(at, i, streamed); }, effort,
        loop_.random);
  }
  if (!pick) return std::nullopt;
  const auto place = std::ranges::lower_bound(candidate.endpoints, pick->index);
  const auto i = static_cast<size_t>(place - candidate.endpoints.begin());
  const Chosen chosen{{&candidate, pick->index},
                      pick->trial,
                      effort == Effort::last_resort,
                      !candidate.facts[i].loaded};
  if (Receipt* const receipt = call_.receipt()) {
    const std::string& id = endpoint(candidate, pick->index).id;
    const std::string_view why = why_chosen(chosen);
    if (!receipt->choose(id, why)) {
      receipt->choose_left_out({id, score_of(timed(candidate, i, streamed)), why});
    }
  }
  return chosen;
}

// Of those that nothing speaks against, and those that somebody has to try out, the session's own.
std::optional<Pick> Chooser::pick_home(size_t at, bool streamed) {
  std::optional<Pick> home;
  std::uint64_t highest = 0;
  const Candidate& candidate = *route_.candidates[at];
  for (size_t i = 0; i < candidate.endpoints.size(); ++i) {
    const EndpointView view = view_of(at, i, streamed);
    const bool trial = why_not(view) == Why::on_trial && view.trial_free;
    if (!trial && !is_good(view)) continue;
    const std::uint64_t drawn =
        affinity(*session_, endpoint(candidate, candidate.endpoints[i]).url_hash);
    if (home && drawn <= highest) continue;
    highest = drawn;
    home = Pick{view.index, trial};
  }
  return home;
}

EndpointView Chooser::timed(const Candidate& candidate, size_t i, bool streamed) {
  EndpointView view = seen(candidate, i);
  // With nobody to compare it to, its pace does not matter.
  if (candidate.endpoints.size() != 1) {
    view.answer_time = pace_of(candidate).of_endpoint(view.index, streamed, now());
  }
  return view;
}

EndpointView Chooser::view_of(size_t at, size_t i, bool streamed) {
  const Candidate& candidate = *route_.candidates[at];
  const EndpointView view = timed(candidate, i, streamed);
  if (Receipt* const receipt = call_.receipt()) {
    receipt->look_at(
        {endpoint(candidate, view.index).id, score_of(view), to_string(why_not(view))});
  }
  return view;
}

EndpointView Chooser::seen(const Candidate& candidate, size_t i) const {
  const std::uint32_t index = candidate.endpoints[i];
  const ModelFacts& facts = candidate.facts[i];
  const Endpoint& one = endpoint(candidate, index);
  const auto standing = one.breaker.standing(now());
  EndpointView view{.index = index,
                    .verdict = one.verdict.load(std::memory_order_relaxed),
                    .breaker = standing.state,
                    .trial_free = standing.trial_free,
                    .asked_to_wait = standing.asked_to_wait,
                    .in_flight = one.places.held(),
                    .tried = has_tried(candidate, index),
                    .full = is_full(candidate, index),
                    .outlier = one.outlier.load(std::memory_order_relaxed),
                    .load = one.load(now(), current_.snapshot->load_fresh),
                    .lack = lack(candidate, i),
                    .near_limit = !one.has_room(now())};
  if (!facts.loaded) see_warmth(view, candidate, one);
  return view;
}

// Requests are under way there. For this very model: it is being loaded, and who comes now shares
// in it. For another one, which its server may take out of memory for this: better elsewhere.
void Chooser::see_warmth(EndpointView& view, const Candidate& candidate,
                         const Endpoint& one) const {
  const bool at_work = view.in_flight != 0;
  const std::uint64_t newest = one.newest_model.load(std::memory_order_relaxed);
  const bool asked_last = newest == hash_of(model_of(candidate));
  view.cold = !at_work || !asked_last;
  view.disturbs = at_work && !asked_last;
  // Whoever was asked for it last may have it by now, though no probe has told yet. So may others
  // have what they were asked for last.
  if (asked_last) return;
  const std::uint32_t unseen = newest == 0 ? 0 : 1;
  view.evicts = 1 + std::max(one.models_in_memory.load(std::memory_order_relaxed), unseen);
}

void Chooser::remember(const RunningAttempt::Target& target) {
  tried_.push_back(target);
  const Candidate& candidate = *target.candidate;
  if (!quirks_of(current_.snapshot->backends[candidate.backend].kind).loads_on_demand) return;
  endpoint(candidate, target.endpoint)
      .newest_model.store(hash_of(model_of(candidate)), std::memory_order_relaxed);
}

void Chooser::note_room(const RunningAttempt::Target& target, const HeaderList& headers,
                        std::uint64_t tokens) const {
  const Duration wait = no_room_for(read_rate_room(headers, loop_.io.timers.wall_now()), tokens);
  const Duration most = current_.snapshot->config.retry.retry_after_max;
  endpoint(*target.candidate, target.endpoint).note_no_room(now() + std::min(wait, most));
}

bool Chooser::has_tried(const Candidate& candidate, std::uint32_t index) const {
  return std::ranges::find(tried_, RunningAttempt::Target{&candidate, index}) != tried_.end();
}

bool Chooser::has_good_sibling(const Candidate& candidate) const {
  for (size_t i = 0; i < candidate.endpoints.size(); ++i) {
    if (is_good(seen(candidate, i))) return true;
  }
  return false;
}

// Each is mixed by itself, so that other endpoints have another sum.
std::uintptr_t Chooser::places() const {
  auto all = reinterpret_cast<std::uintptr_t>(route_.places);
  for (const Candidate* candidate : route_.candidates) {
    for (size_t i = 0; i < candidate->endpoints.size(); ++i) {
      if (has_tried(*candidate, candidate->endpoints[i])) continue;
      const auto lacks = static_cast<std::uint64_t>(lack(*candidate, i));
      all += affinity(reinterpret_cast<std::uintptr_t>(candidate), (i << 8U) | lacks);
    }
  }
  return all;
}

bool Chooser::has_full(Effort effort) const {
  return std::ranges::any_of(route_.candidates, [&](const Candidate* candidate) {
    for (size_t i = 0; i < candidate->endpoints.size(); ++i) {
      EndpointView view = seen(*candidate, i);
      if (!std::exchange(view.full, false)) continue;
      if (may_answer(view, effort)) return true;
    }
    return false;
  });
}

bool Chooser::is_full(const Candidate& candidate, std::uint32_t index) const {
  return endpoint(candidate, index).places.full(lane_) ||
         current_.snapshot->backends[candidate.backend].places->full(lane_);
}

ModelPace& Chooser::pace_of(const Candidate& candidate) {
  if (paced_ != &candidate) {
    paced_ = &candidate;
    pace_ = &current_.paces[candidate.backend]->model(model_of(candidate));
  }
  return *pace_;
}

template <class Visit>
void Chooser::each_standing(Visit visit) const {
  for (const Candidate* candidate : route_.candidates) {
    for (const std::uint32_t index : candidate->endpoints) {
      const Endpoint& one = endpoint(*candidate, index);
      visit(one, one.breaker.standing(now()));
    }
  }
}

TimePoint Chooser::refused_until(const Endpoint& endpoint) const {
  const auto found = std::ranges::find(refusals_, &endpoint, &Refusal::endpoint);
  return found == refusals_.end() ? TimePoint{} : found->until;
}

Error Chooser::why_nobody() const {
  bool limited = false;
  each_standing([&](const Endpoint&, const SharedBreaker::Standing& standing) {
    limited |= standing.limited;
  });
  return {limited ? ErrorCode::upstream_limited : ErrorCode::no_backend,
          "every endpoint that could answer asked to be left alone for a while; try again after "
          "the time in retry-after"};
}

Duration Chooser::wait() const {
  constexpr Duration soon = std::chrono::seconds(1);
  Duration wait = Duration::max();
  each_standing([&](const Endpoint& one, const SharedBreaker::Standing& standing) {
    const bool open = standing.state == BreakerState::open;
    const TimePoint until = open ? standing.open_until : refused_until(one);
    wait = std::min(wait, until > now() ? until - now() : soon);
  });
  return wait == Duration::max() ? soon : wait;
}

}  // namespace rocket
