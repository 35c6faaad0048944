#pragma once

#include <string>

#include "testing/simulation_calls.h"
#include "testing/simulation_plan.h"
#include "testing/simulation_request.h"

namespace rocket {

// What the keys of a simulated life allow, held against what became of its requests: nobody gets
// more than his key says, and nobody who stays within that is refused for it.
class SimKeys {
 public:
  // Both outlive it.
  SimKeys(const SimPlan& plan, const UpstreamCalls& calls) : plan_(plan), calls_(calls) {}

  // What promise is broken at this moment; empty: none.
  [[nodiscard]] std::string look(const AllAsked& all) const;
  // Of a request that has ended.
  [[nodiscard]] std::string check(const SimAsked& asked, const AllAsked& all) const;
  // Of the life as a whole.
  [[nodiscard]] std::string judge(const AllAsked& all) const;

  // It may be refused for want of a key, or for what its key says, and then nobody else is to
  // blame.
  [[nodiscard]] bool refused(const SimAsked& asked) const;
  // Its key lets that backend answer it.
  [[nodiscard]] bool allows(const SimAsked& asked, const std::string& backend) const;

 private:
  [[nodiscard]] bool outside_its_models(const SimAsked& asked) const;
  [[nodiscard]] std::string check_limit(const SimAsked& asked, const AllAsked& all) const;
  [[nodiscard]] std::string judge_rate(const KeyConfig& key, const AllAsked& all) const;

  const SimPlan& plan_;
  const UpstreamCalls& calls_;
};

}  // namespace rocket
