#pragma once

#include <sys/types.h>

namespace rocket {

// The kernel ends this process when `parent` ends, or the thread of it that has started this one;
// so it also holds for a process that is stopped or hangs. False: it has gone already, or never was
// the parent, which has been said on stderr.
[[nodiscard]] bool die_with(pid_t parent);

}  // namespace rocket
