#pragma once

#include "start.h"

namespace rocket {

// Runs the gateway until it is drained. Returns the process's exit status: 0 drained, 1 bad
// configuration, 3 an address that can not be listened on, or a parent that has gone.
[[nodiscard]] int serve(const ServeOptions& options);

}  // namespace rocket
