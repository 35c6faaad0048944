#pragma once

#include "config/config.h"
#include "config/environment.h"
#include "config/problem.h"

namespace rocket {

// Finds whatever in a Config of the right form makes no sense, could never work or is not safe.
// `problems` holds what the reader found: a place it complained of is not complained of again.
void check(const Config& config, const Environment& environment, Problems& problems);

}  // namespace rocket
