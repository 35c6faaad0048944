#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/problem.h"
#include "proxy/operations.h"

namespace rocket {

// What came of a configuration that was handed in.
struct Configured {
  int status = 200;  // 200; 422: refused for its problems; 409: its address can not be listened on
  std::uint64_t revision = 0;
  std::vector<Problem> problems{};
};

// What the admin port can have done. On loop 0; what they refer to outlives the operations.
struct AdminDeeds {
  // Puts the configuration in force, all of it or nothing. The text is YAML or JSON.
  std::function<Task<Configured>(std::string text)> configure;
  // Not healthy and not ready from now on, but serving: whoever sends requests here is to stop.
  std::function<void()> lame_duck;
  // As SIGTERM. Asked again, it changes nothing.
  std::function<void()> drain;
};

// POST /config, /lame_duck and /drain. A body's Content-Type has to be JSON or YAML, of all three:
// a web page can not send such a one to another site without being asked for leave, which the
// admin port never gives (Fetch standard, "CORS-safelisted request-header").
void add_control_operations(Operations& operations, const AdminDeeds& deeds);

}  // namespace rocket
