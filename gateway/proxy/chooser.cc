#include "proxy/chooser.h"

#include <algorithm>

namespace rocket {
namespace {

// The time until an answer can be expected, in milliseconds; while nothing is known of it, the
// number of requests that the endpoint would have.
double score_of(const EndpointView& view) {
  const auto requests = static_cast<double>(view.in_flight + 1);
  return view.answer_time == Duration::zero() ? requests : to_ms(view.answer_time) * requests;
}

// Why an endpoint is not chosen.
std::string_view why_not(const EndpointView& view) {
  if (view.tried) return "tried before";
  if (view.full) return "no place";
  if (view.verdict == Verdict::unhealthy) return "unhealthy";
  switch (view.breaker) {
    case BreakerState::closed: return view.answer_time == Duration::zero() ? "busier" : "slower";
    case BreakerState::half_open: return view.trial_free ? "open to a trial" : "on trial";
    case BreakerState::open: break;
  }
  return view.asked_to_wait ? "asked to be left alone" : "breaker open";
}

// `timed`: it was known how long it takes to answer.
std::string_view why_chosen(const Chooser::Chosen& chosen, bool timed) {
  if (chosen.last_resort) return "chosen: nobody better is left";
  if (chosen.trial) return "chosen: a trial";
  if (chosen.target.candidate->endpoints.size() == 1) return "chosen: the only one";
  return timed ? "chosen: expected soonest" : "chosen: least busy";
}

}  // namespace

std::optional<Chooser::Chosen> Chooser::choose(Effort effort, bool streamed) {
  for (const Candidate* candidate : route_.candidates) {
    if (auto chosen = choose_from(*candidate, effort, streamed)) return chosen;
  }
  return std::nullopt;
}

std::optional<Chooser::Chosen> Chooser::choose_from(const Candidate& candidate, Effort effort,
                                                    bool streamed) {
  Receipt* const receipt = call_.receipt();
  bool timed = false;
  const auto pick = pick_endpoint(
      candidate.endpoints.size(),
      [&](size_t i) {
        const EndpointView view = view_of(candidate, candidate.endpoints[i], streamed);
        timed |= view.answer_time != Duration::zero();
        if (receipt != nullptr) {
          receipt->look_at({endpoint(candidate, view.index).id, score_of(view), why_not(view)});
        }
        return view;
      },
      effort, loop_.random);
  if (!pick) return std::nullopt;
  const Chosen chosen{{&candidate, pick->index}, pick->trial, effort == Effort::last_resort};
  if (receipt != nullptr) {
    receipt->choose(endpoint(candidate, pick->index).id, why_chosen(chosen, timed));
  }
  return chosen;
}

EndpointView Chooser::view_of(const Candidate& candidate, std::uint32_t index, bool streamed) {
  const Endpoint& one = endpoint(candidate, index);
  const auto standing = one.breaker.standing(now());
  // With nobody to compare it to, its pace does not matter.
  const bool alone = candidate.endpoints.size() == 1;
  return {.index = index,
          .verdict = one.verdict.load(std::memory_order_relaxed),
          .breaker = standing.state,
          .trial_free = standing.trial_free,
          .asked_to_wait = standing.asked_to_wait,
          .in_flight = one.places.held(),
          .answer_time =
              alone ? Duration::zero() : pace_of(candidate).of_endpoint(index, streamed, now()),
          .tried = has_tried(candidate, index),
          .full = is_full(candidate, index)};
}

bool Chooser::has_tried(const Candidate& candidate, std::uint32_t index) const {
  return std::ranges::find(tried_, RunningAttempt::Target{&candidate, index}) != tried_.end();
}

bool Chooser::has_good_sibling(const Candidate& candidate) const {
  return std::ranges::any_of(candidate.endpoints, [&](std::uint32_t index) {
    return !has_tried(candidate, index) && is_good(candidate, index);
  });
}

bool Chooser::has_full(Effort effort) const {
  return std::ranges::any_of(route_.candidates, [&](const Candidate* candidate) {
    return std::ranges::any_of(candidate->endpoints, [&](std::uint32_t index) {
      if (has_tried(*candidate, index) || !is_full(*candidate, index)) return false;
      if (effort != Effort::last_resort) return is_good(*candidate, index);
      return endpoint(*candidate, index).breaker.standing(now()).state == BreakerState::closed;
    });
  });
}

bool Chooser::is_full(const Candidate& candidate, std::uint32_t index) const {
  return endpoint(candidate, index).places.full(lane_) ||
         current_.snapshot->backends[candidate.backend].places->full(lane_);
}

bool Chooser::is_good(const Candidate& candidate, std::uint32_t index) const {
  const Endpoint& one = endpoint(candidate, index);
  return one.verdict.load(std::memory_order_relaxed) != Verdict::unhealthy &&
         one.breaker.standing(now()).state == BreakerState::closed;
}

ModelPace& Chooser::pace_of(const Candidate& candidate) {
  if (paced_ != &candidate) {
    paced_ = &candidate;
    pace_ = &current_.paces[candidate.backend]->model(
        candidate.model.empty() ? route_.name : std::string_view(candidate.model));
  }
  return *pace_;
}

template <class Visit>
void Chooser::each_standing(Visit visit) const {
  for (const Candidate* candidate : route_.candidates) {
    for (const std::uint32_t index : candidate->endpoints)
      visit(endpoint(*candidate, index).breaker.standing(now()));
  }
}

Error Chooser::why_nobody() const {
  bool limited = false;
  each_standing([&](const SharedBreaker::Standing& standing) { limited |= standing.limited; });
  return {limited ? ErrorCode::upstream_limited : ErrorCode::no_backend,
          "every endpoint that could answer asked to be left alone for a while; try again after "
          "the time in retry-after"};
}

Duration Chooser::wait() const {
  constexpr Duration soon = std::chrono::seconds(1);
  Duration wait = Duration::max();
  each_standing([&](const SharedBreaker::Standing& standing) {
    const bool open = standing.state == BreakerState::open;
    wait = std::min(wait, open ? standing.open_until - now() : soon);
  });
  return wait == Duration::max() ? soon : wait;
}

}  // namespace rocket
