#pragma once

#include <string>

#include "testing/simulation_calls.h"
#include "testing/simulation_keys.h"
#include "testing/simulation_plan.h"
#include "testing/simulation_request.h"

namespace rocket {

// Whether the clients of a simulated life were answered as they were promised.
class SimAnswers {
 public:
  // All outlive it.
  SimAnswers(const SimPlan& plan, const UpstreamCalls& calls, const SimKeys& keys)
      : plan_(plan), calls_(calls), keys_(keys) {}

  // What promise was broken, now that its time is over; empty: none.
  [[nodiscard]] std::string judge(const SimAsked& asked, const AllAsked& all) const;

  // It may ask the backend that stays well.
  [[nodiscard]] bool sound_can_answer(const SimAsked& asked) const;

 private:
  [[nodiscard]] std::string judge_origin(const SimAsked& asked) const;
  [[nodiscard]] std::string judge_turned_away(const SimAsked& asked) const;
  [[nodiscard]] bool is_its_own(const SimAsked& asked) const;

  const SimPlan& plan_;
  const UpstreamCalls& calls_;
  const SimKeys& keys_;
};

}  // namespace rocket
