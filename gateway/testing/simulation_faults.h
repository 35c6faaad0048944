#pragma once

#include <vector>

#include "testing/sim_gateway.h"
#include "testing/simulation_calls.h"
#include "testing/simulation_plan.h"

namespace rocket {

// What befalls the upstreams of a simulated life, all but the sound one and the doomed one.
class SimFaults {
 public:
  // All outlive it.
  SimFaults(SimDice& dice, const SimPlan& plan, SimGateway& gateway, UpstreamCalls& calls)
      : dice_(dice), plan_(plan), gateway_(gateway), calls_(calls) {}

  // Something begins, ends or changes at a random endpoint.
  void disturb();
  // The name of a random endpoint, which may be the sound one, comes to mean another machine.
  void move(SimDice& dice);
  // When something happens by itself, and doing it.
  [[nodiscard]] TimePoint next() const;
  void go_on();

 private:
  void refuse(UpstreamCalls::Host& host);

  // An endpoint that is up and down in turns.
  struct Flap {
    UpstreamCalls::Host* host;
    Duration period;
    TimePoint next;
  };

  SimDice& dice_;
  const SimPlan& plan_;
  SimGateway& gateway_;
  UpstreamCalls& calls_;
  std::vector<Flap> flapping_;
};

}  // namespace rocket
