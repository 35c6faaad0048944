#include "base/out_of_memory.h"

#include <unistd.h>

#include <cstdlib>
#include <new>
#include <string_view>

namespace rocket {
namespace {

// Without any memory of its own. A log line like any other, but for the time.
[[noreturn]] void say_so_and_abort() {
  constexpr std::string_view line =
      "{\"level\":\"error\",\"message\":\"out of memory\",\"remedy\":\"give Rocket more, or lower "
      "limits.bodies_in_flight_bytes and limits.connections\"}\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  std::abort();
}

}  // namespace

void abort_when_out_of_memory() noexcept {
  std::set_new_handler(say_so_and_abort);
}

}  // namespace rocket
