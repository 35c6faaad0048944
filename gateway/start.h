#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>

#include "sockets.h"

namespace rocket {

struct ServeOptions {
  std::string config_path{};             // empty: ./rocket.yaml if it is there, else discovery
  std::optional<ListenAddress> admin{};  // instead of the configuration's
  // Begin without a configuration: the admin port is given one.
  bool wait_config = false;
  // The process that started this one: when it ends, this one is killed.
  std::optional<pid_t> parent{};
};

// What a gateway begins with.
struct Start {
  Config config{};
  std::string path{};                // of its file; empty: there is none
  std::string posted{};              // its text, if it was handed in at the admin port
  bool admin_overridden = false;     // the command line names the admin port
  std::optional<Sockets> sockets{};  // if they are open already
};

// Or else the process's exit status. Signals are blocked before.
[[nodiscard]] std::expected<Start, int> find_start(const ServeOptions& options);

}  // namespace rocket
