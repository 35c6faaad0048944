#pragma once

#include <optional>
#include <vector>

#include "policy/balancer.h"
#include "policy/router.h"
#include "proxy/call.h"
#include "proxy/running_attempt.h"

namespace rocket {

// Who is asked next for one request: shows policy/balancer the endpoints of the route's
// candidates as they stand, one candidate after the other, and remembers whom it was told to. The
// request's receipt is told whom it has looked at, and why one was chosen.
class Chooser {
 public:
  // All outlive it.
  Chooser(const Call& call, const Current& current, const Route& route)
      : call_(call), loop_(call.loop()), current_(current), route_(route) {}

  struct Chosen {
    RunningAttempt::Target target;
    bool trial = false;
    bool last_resort = false;
  };
  // `streamed` requests and others are answered in different times. None: nobody is left.
  [[nodiscard]] std::optional<Chosen> choose(Effort effort, bool streamed);
  void remember(const RunningAttempt::Target& target) { tried_.push_back(target); }
  [[nodiscard]] const std::vector<RunningAttempt::Target>& tried() const { return tried_; }
  // How much of an endpoint the request may fill.
  void set_lane(Lane lane) { lane_ = lane; }
  // Somebody has only no place at the moment: who can be expected to answer, or as a last resort
  // who answers requests although his probes fail.
  [[nodiscard]] bool has_full(Effort effort) const;

  // Another endpoint of the same candidate can be expected to answer.
  [[nodiscard]] bool has_good_sibling(const Candidate& candidate) const;
  [[nodiscard]] ModelPace& pace_of(const Candidate& candidate);

  // Why nobody was chosen, if nobody has been tried: all have asked to be left alone for a while.
  [[nodiscard]] Error why_nobody() const;
  // When asking again may help: as soon as one endpoint need not be left alone any more.
  [[nodiscard]] Duration wait() const;

 private:
  [[nodiscard]] std::optional<Chosen> choose_from(const Candidate& candidate, Effort effort,
                                                  bool streamed);
  [[nodiscard]] EndpointView view_of(const Candidate& candidate, std::uint32_t index,
                                     bool streamed);
  [[nodiscard]] const Endpoint& endpoint(const Candidate& candidate, std::uint32_t index) const {
    return *current_.endpoints[candidate.backend][index].endpoint;
  }
  [[nodiscard]] bool has_tried(const Candidate& candidate, std::uint32_t index) const;
  [[nodiscard]] bool is_full(const Candidate& candidate, std::uint32_t index) const;
  // Its probes do not fail and its breaker is closed.
  [[nodiscard]] bool is_good(const Candidate& candidate, std::uint32_t index) const;
  template <class Visit>
  void each_standing(Visit visit) const;
  [[nodiscard]] TimePoint now() const { return loop_.io.timers.now(); }

  const Call& call_;
  LoopState& loop_;
  const Current& current_;
  const Route& route_;
  Lane lane_ = Lane::normal;
  std::vector<RunningAttempt::Target> tried_;
  const Candidate* paced_ = nullptr;  // whose pace was looked up last
  ModelPace* pace_ = nullptr;
};

}  // namespace rocket
