#pragma once

#include <optional>
#include <string>

#include "config/config.h"

namespace rocket {

struct ServeOptions {
  std::string config_path;             // empty: ./rocket.yaml if it is there, else discovery
  std::optional<ListenAddress> admin;  // instead of the configuration's
};

// Runs the gateway until it is drained. Returns the process's exit status: 0 drained, 1 bad
// configuration, 3 an address that can not be listened on.
[[nodiscard]] int serve(const ServeOptions& options);

}  // namespace rocket
