#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/balancer.h"
#include "policy/capability.h"
#include "policy/router.h"
#include "proxy/call.h"
#include "proxy/running_attempt.h"
#include "schema/responses_reader.h"

namespace rocket {

// Who is asked next for one request: shows policy/balancer the endpoints of the route's
// candidates as they stand, one candidate after the other, and remembers whom it was told to.
// The request's receipt is told what it saw.
class Chooser {
 public:
  // All outlive it.
  Chooser(const Call& call, const Current& current, const Route& route)
      : call_(call), loop_(call.loop()), current_(current), route_(route) {}

  // What is put to the model: a request with its body, and what it continues and refers to.
  struct Prompt {
    const OpenAiRequest& request;
    std::string_view body;
    ResponsesContext earlier{};
    bool earlier_images = false;
  };
  // What the request needs: endpoints whose model is known to lack it are not chosen. Errors, if
  // all of them lack it: capability_missing, context_length_exceeded, naming who has it.
  [[nodiscard]] Result<void> require(const Prompt& prompt, const KeyScope& scope);
  // The requests of one session go to the same endpoint for as long as nothing speaks against it.
  // Empty: none.
  void keep_session(std::string_view session);

  struct Chosen {
    RunningAttempt::Target target;
    bool trial = false;
    bool last_resort = false;
    bool cold = false;  // as far as is known, it has to load the model first
  };
  // `streamed` requests and others are answered in different times. None: nobody is left.
  [[nodiscard]] std::optional<Chosen> choose(Effort effort, bool streamed);
  void remember(const RunningAttempt::Target& target);
  // What the client should know about being answered there; empty: nothing.
  [[nodiscard]] std::string warning(const RunningAttempt::Target& target) const;
  // What the target has said with its answer of its rate limits, to a request of about so many
  // tokens.
  void note_room(const RunningAttempt::Target& target, const HeaderList& headers,
                 std::uint64_t tokens) const;
  [[nodiscard]] const std::vector<RunningAttempt::Target>& tried() const { return tried_; }

  // How much of an endpoint the request may fill.
  void set_lane(Lane lane) { lane_ = lane; }
  // Equal for requests that the same endpoints may answer, in whatever order.
  [[nodiscard]] std::uintptr_t places() const;
  // Somebody has only no place at the moment who would be asked with this effort.
  [[nodiscard]] bool has_full(Effort effort) const;

  // Another endpoint of the same candidate can be expected to answer.
  [[nodiscard]] bool has_good_sibling(const Candidate& candidate) const;
  [[nodiscard]] ModelPace& pace_of(const Candidate& candidate);

  // Why nobody was chosen, if nobody has been tried: all have asked to be left alone for a while.
  [[nodiscard]] Error why_nobody() const;
  // That its endpoint refuses this request for so long from now, though not others.
  void note_refusal(const RunningAttempt& attempt, Duration wait) {
    refusals_.push_back({&attempt.plan().endpoint, now() + wait});
  }
  // When asking again may help: as soon as one endpoint need not be left alone any more.
  [[nodiscard]] Duration wait() const;

 private:
  [[nodiscard]] std::optional<Chosen> choose_from(size_t at, Effort effort, bool streamed);
  [[nodiscard]] std::optional<Pick> pick_home(size_t at, bool streamed);
  // The endpoint at place `i` of a candidate, its pace aside.
  [[nodiscard]] EndpointView seen(const Candidate& candidate, size_t i) const;
  // The same with its pace.
  [[nodiscard]] EndpointView timed(const Candidate& candidate, size_t i, bool streamed);
  // The same of the candidate at place `at`; told the receipt.
  [[nodiscard]] EndpointView view_of(size_t at, size_t i, bool streamed);
  void count(const Prompt& prompt, std::uint32_t smallest_context);
  void see_warmth(EndpointView& view, const Candidate& candidate, const Endpoint& one) const;
  [[nodiscard]] std::uint32_t context_of(const Candidate& candidate, size_t i) const;
  [[nodiscard]] Lack lack(const Candidate& candidate, size_t i) const;
  [[nodiscard]] Error why_unfit(Lack lack, const KeyScope& scope) const;
  [[nodiscard]] std::string_view model_of(const Candidate& candidate) const {
    return candidate.model.empty() ? route_.name : std::string_view(candidate.model);
  }
  [[nodiscard]] Endpoint& endpoint(const Candidate& candidate, std::uint32_t index) const {
    return *current_.endpoints[candidate.backend][index].endpoint;
  }
  [[nodiscard]] bool is_full(const Candidate& candidate, std::uint32_t index) const;
  [[nodiscard]] bool has_tried(const Candidate& candidate, std::uint32_t index) const;
  struct Refusal {
    const Endpoint* endpoint;
    TimePoint until;
  };
  template <class Visit>
  void each_standing(Visit visit) const;
  [[nodiscard]] TimePoint refused_until(const Endpoint& endpoint) const;
  [[nodiscard]] TimePoint now() const { return loop_.io.timers.now(); }

  const Call& call_;
  LoopState& loop_;
  const Current& current_;
  const Route& route_;
  Lane lane_ = Lane::normal;
  Needs needs_;
  std::uint32_t context_asked_ = 0;
  std::optional<std::uint64_t> session_;
  std::vector<RunningAttempt::Target> tried_;
  std::vector<Refusal> refusals_;
  const Candidate* paced_ = nullptr;  // whose pace was looked up last
  ModelPace* pace_ = nullptr;
};

}  // namespace rocket
