#include "proxy/chooser.h"

#include <algorithm>

namespace rocket {

std::optional<Chooser::Chosen> Chooser::choose(Effort effort, bool streamed) {
  for (const Candidate* candidate : route_.candidates) {
    if (auto chosen = choose_from(*candidate, effort, streamed)) return chosen;
  }
  return std::nullopt;
}

std::optional<Chooser::Chosen> Chooser::choose_from(const Candidate& candidate, Effort effort,
                                                    bool streamed) {
  const auto pick = pick_endpoint(
      candidate.endpoints.size(),
      [&](size_t i) { return view_of(candidate, candidate.endpoints[i], streamed); }, effort,
      loop_.random);
  if (!pick) return std::nullopt;
  return Chosen{{&candidate, pick->index}, pick->trial, effort == Effort::last_resort};
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
