#pragma once

#include "config/config.h"
#include "config/environment.h"
#include "config/problem.h"

// The parts of check() that are about backends and those who name them.
namespace rocket {

void check_backends(const Config& config, const Environment& environment, Problems& problems);
void check_order(const Config& config, Problems& problems);
void check_routes(const Config& config, Problems& problems);
void check_key_backends(const Config& config, Problems& problems);

}  // namespace rocket
