#include "parent.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace rocket {

bool die_with(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent) return true;
  std::fprintf(stderr, "--parent-pid: process %d is not the parent of this one\n",
               static_cast<int>(parent));
  return false;
}

}  // namespace rocket
