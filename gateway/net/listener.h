#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/connection_count.h"
#include "net/epoll_loop.h"
#include "net/file_descriptor.h"
#include "net/io.h"

namespace rocket {

// A listening TCP socket on host:port (port 0: any free one). `shared`: other loops of this
// process listen there too (SO_REUSEPORT). The error's detail is the system's word for it.
[[nodiscard]] Result<FileDescriptor> listen_tcp(const std::string& host, std::uint16_t port,
                                                bool shared);
// A listening Unix socket, mode 0600. A stale socket that nobody listens on is replaced.
[[nodiscard]] Result<FileDescriptor> listen_unix(const std::string& path);

[[nodiscard]] std::uint16_t local_port(const FileDescriptor& listener);

// Accepts connections on one loop and hands each to `on_accept`, which must not throw or block.
// While the process is out of descriptors or `count` is full, it waits: the kernel's queue holds
// who comes meanwhile.
class Listener final : private EventSink {
 public:
  Listener(EpollLoop& loop, FileDescriptor fd, ConnectionCount& count);

  using OnAccept = std::function<void(std::unique_ptr<ByteStream>)>;

  // Accepts until the task is destroyed.
  [[nodiscard]] Task<void> accept_all(OnAccept on_accept);
  // Accepts whoever waits already: closing the socket would reset them.
  void accept_waiting(const OnAccept& on_accept);

 private:
  void on_events(std::uint32_t events) override;
  [[nodiscard]] FileDescriptor accept_one() const;

  EpollLoop& loop_;
  FileDescriptor fd_;
  ConnectionCount& count_;
  WaitSlot acceptable_;
};

}  // namespace rocket
