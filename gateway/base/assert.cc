#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace rocket {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "rocket: invariant broken: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace rocket
