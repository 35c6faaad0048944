#pragma once

#include <cstdint>
#include <string>

namespace rocket {

// One simulated life of a gateway: a random topology, random requests, faults, hang-ups, reloads,
// a drain and silences, all from `seed`. Returns what promise was broken, or nothing.
//
// The promises (facts of the fault matrix, section 4; the list with its reasons is in
// docs/testing.md): every request ends within its deadline; an answer is whole or visibly broken;
// a stream with [DONE] says what its backend said, once, and nothing of it is another's; a
// healthy, reachable backend hides every failure before the commit, and stays in use; no upstream
// gets more than it may, works for nobody, or is asked while it wants quiet; what reaches it is
// canonical; when all clients have gone nothing is left in flight.
[[nodiscard]] std::string simulate(std::uint64_t seed);

}  // namespace rocket
