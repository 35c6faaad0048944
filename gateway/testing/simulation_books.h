#pragma once

#include <string>

#include "testing/sim_gateway.h"
#include "testing/simulation_request.h"

namespace rocket {

// What the gateway has written down of the requests of a simulated life, which is over, held
// against what became of them: each is counted once, and its receipt says how it ended and how many
// tokens its client got. What is wrong; empty: nothing.
[[nodiscard]] std::string judge_books(const SimGateway& gateway, const AllAsked& all);

}  // namespace rocket
