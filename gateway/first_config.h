#pragma once

#include <expected>
#include <string>

#include "base/log.h"
#include "sockets.h"

namespace rocket {

// A configuration that came by POST /config, whose addresses are listened on already.
struct FirstConfig {
  Config config;
  std::string text;
  Sockets sockets;
};

// `rocket serve --wait-config`: listens on the admin port alone and answers there /health and
// POST /config, until it is given a configuration that is right and whose data port can be
// listened on: what is wrong with any other is the answer to its POST. What listens on the admin
// port then goes on doing so, so no connection to it is refused in between.
//
// Or else the process's exit status: 0 for a signal or POST /drain, 3 if the admin port can not be
// listened on.
[[nodiscard]] std::expected<FirstConfig, int> wait_for_config(const ListenAddress& admin,
                                                              int access_fd, Log& log);

}  // namespace rocket
