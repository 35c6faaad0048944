#pragma once

#include "config/config.h"
#include "config/environment.h"

namespace rocket {

// The configuration when there is no file: whatever model servers run on their usual loopback
// ports. All of them are configured, up or not, so that one that is started later is found as
// well; health checks tell which are there. Never a port of ours.
//
// Anthropic is one of them if ANTHROPIC_API_KEY holds a key. It comes last, so that it answers
// only requests that name it or a model which no local server has.
[[nodiscard]] Config discovery_config(const ListenAddress& listen, const ListenAddress& admin,
                                      const Environment& environment = {});

}  // namespace rocket
