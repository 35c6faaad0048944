#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "net/file_descriptor.h"

namespace rocket {

// What the gateway listens on.
struct Sockets {
  std::vector<FileDescriptor> data;  // one for each loop, or one alone
  FileDescriptor admin;
  FileDescriptor metrics;  // invalid: there is no metrics_listen
};

// Open what a configuration names, and write the ports into it that the kernel has chosen for
// port 0. Errors: `internal`, saying which address can not be listened on and why.
[[nodiscard]] Result<std::vector<FileDescriptor>> open_data_sockets(Config& config);
[[nodiscard]] Result<FileDescriptor> open_admin_socket(Config& config);
[[nodiscard]] Result<FileDescriptor> open_metrics_socket(Config& config);

// What helps then.
inline constexpr std::string_view listen_remedy =
    "end what listens there, or set another address in the configuration (listen, admin, "
    "metrics_listen)";

}  // namespace rocket
