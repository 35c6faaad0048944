#pragma once

namespace rocket {

// From now on an allocation that the machine has no memory for ends the process: one line on
// stderr, then abort(). Nothing is done with half a state, and whoever supervises the process
// starts it again; what has to survive that is in the store. Allocations of C libraries that fail
// are errors to them, and to us.
void abort_when_out_of_memory() noexcept;

}  // namespace rocket
