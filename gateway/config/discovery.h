#pragma once

#include "config/config.h"

namespace rocket {

// The configuration when there is no file: whatever model servers run on their usual loopback
// ports. All of them are configured, up or not, so that one that is started later is found as
// well; health checks tell which are there. Never a port of ours.
[[nodiscard]] Config discovery_config(const ListenAddress& listen, const ListenAddress& admin);

}  // namespace rocket
