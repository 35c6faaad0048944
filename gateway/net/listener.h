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
// The same in a folder where nobody else can put a socket of his own in its place: made with mode
// 0700 if it is missing, refused if others may write to it.
[[nodiscard]] Result<FileDescriptor> listen_private_unix(const std::string& path);

// Whether who has connected to a Unix socket runs as our own user, or as root.
[[nodiscard]] bool from_own_user(const FileDescriptor& connection);

[[nodiscard]] std::uint16_t local_port(const FileDescriptor& listener);

// Accepts connections on one loop and hands each to `on_accept`, which must not throw or block.
// While the process is out of descriptors or `count` is full, it waits: the kernel's queue holds
// who comes meanwhile.
class Listener final : private EventSink {
 public:
  // What a connection speaks; null: it is not wanted, and is closed.
  using MakeStream = std::function<std::unique_ptr<ByteStream>(FileDescriptor)>;

  // Without `make_stream` each is a plain SocketStream.
  Listener(EpollLoop& loop, FileDescriptor fd, ConnectionCount& count, MakeStream make_stream = {});

  using OnAccept = std::function<void(std::unique_ptr<ByteStream>)>;

  // Accepts until the task is destroyed.
  [[nodiscard]] Task<void> accept_all(OnAccept on_accept);
  // Accepts whoever waits already: closing the socket would reset them.
  void accept_waiting(const OnAccept& on_accept);

 private:
  void on_events(std::uint32_t events) override;
  [[nodiscard]] FileDescriptor accept_one() const;
  void hand_over(FileDescriptor fd, const OnAccept& on_accept) const;

  EpollLoop& loop_;
  FileDescriptor fd_;
  ConnectionCount& count_;
  MakeStream make_stream_;
  WaitSlot acceptable_;
};

}  // namespace rocket
