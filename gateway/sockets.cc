#include "sockets.h"

#include "net/listener.h"

namespace rocket {
namespace {

std::unexpected<Error> can_not_listen(const ListenAddress& address, const Error& error) {
  return fail(ErrorCode::internal,
              "can not listen on " + address.to_string() + ": " + error.detail);
}

}  // namespace

Result<std::vector<FileDescriptor>> open_data_sockets(Config& config) {
  ListenAddress& address = config.listen;
  const bool on_unix = !address.unix_path.empty();
  const auto open = [&](bool shared) {
    return on_unix ? listen_unix(address.unix_path)
                   : listen_tcp(address.host, address.port, shared);
  };
  // Without SO_REUSEPORT first: with it, a second Rocket on the same port would go unnoticed.
  auto first = open(false);
  if (!first) return can_not_listen(address, first.error());
  if (!on_unix) address.port = local_port(*first);
  std::vector<FileDescriptor> sockets;
  if (config.threads == 1 || on_unix) {
    sockets.push_back(*std::move(first));
    return sockets;
  }
  *first = FileDescriptor();
  for (std::uint32_t i = 0; i < config.threads; ++i) {
    auto one = open(true);
    if (!one) return can_not_listen(address, one.error());
    sockets.push_back(*std::move(one));
  }
  return sockets;
}

Result<FileDescriptor> open_admin_socket(Config& config) {
  ListenAddress& address = config.admin;
  const bool on_unix = !address.unix_path.empty();
  auto fd = on_unix ? listen_private_unix(address.unix_path)
                    : listen_tcp(address.host, address.port, false);
  if (!fd) return can_not_listen(address, fd.error());
  if (!on_unix) address.port = local_port(*fd);
  return fd;
}

Result<FileDescriptor> open_metrics_socket(Config& config) {
  if (!config.metrics_listen) return FileDescriptor();
  ListenAddress& address = *config.metrics_listen;
  const bool on_unix = !address.unix_path.empty();
  auto fd =
      on_unix ? listen_unix(address.unix_path) : listen_tcp(address.host, address.port, false);
  if (!fd) return can_not_listen(address, fd.error());
  if (!on_unix) address.port = local_port(*fd);
  return fd;
}

}  // namespace rocket
