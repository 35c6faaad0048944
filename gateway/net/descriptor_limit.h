#pragma once

#include <algorithm>
#include <cstddef>

namespace rocket {

// Lets this process have as many descriptors open as the system allows (RLIMIT_NOFILE: the soft
// limit, which shells set low for the sake of select(2), becomes the hard one). How many that is.
[[nodiscard]] size_t raise_descriptor_limit();

// How many client connections fit into so many descriptors. A quarter stays free, so that those who
// are in can be answered: by backends, on the admin port. Some are the process's own.
[[nodiscard]] constexpr size_t clients_within(size_t descriptors, size_t threads) {
  constexpr size_t own = 16;
  constexpr size_t own_per_thread = 4;  // epoll, its bell, a listener
  const size_t kept = descriptors / 4 + own + own_per_thread * threads;
  return std::max<size_t>(descriptors, kept + 1) - kept;
}

}  // namespace rocket
